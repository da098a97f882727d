/** The client of a host, with all that the package exports. */

import { CloudContext, contextMaker } from './alipay'
import { CloudAPI, cloudConstructor, makeCloud } from './cloud'
import { configure, Settings } from './config'
import { Host } from './host'
import { installAlipay, installInto } from './install'
import { VERSION } from './transport'

declare const wx: any
declare const my: any

export interface Yunbox extends CloudAPI {
  Cloud: new (options?: any) => CloudAPI
  /** Where the server is; may be called at any time before the first call. */
  configure(settings: Settings): Yunbox
  /** Make `wx.cloud` this client: of the given `wx`, or of the host's. */
  install(wx?: any): Yunbox
  /** Make `my.cloud` this client, under Alipay's names. */
  installAlipay(my?: any): Yunbox
  createCloudContext(options?: { env?: string; appId?: string }): CloudContext
  version: string
}

export function makeYunbox(host: Host): Yunbox {
  const yunbox = makeCloud({}, host, null) as Yunbox
  yunbox.Cloud = cloudConstructor(host)
  yunbox.version = VERSION
  yunbox.createCloudContext = contextMaker(host)
  yunbox.configure = (settings) => {
    configure(settings)
    return yunbox
  }
  yunbox.install = (given) => {
    installInto(given || (typeof wx !== 'undefined' ? wx : null), yunbox)
    return yunbox
  }
  yunbox.installAlipay = (given) => {
    installAlipay(given || (typeof my !== 'undefined' ? my : null), yunbox.createCloudContext)
    return yunbox
  }
  return yunbox
}
