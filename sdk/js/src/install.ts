/** Putting the client where applications look for it. */

import { CloudContext } from './alipay'
import { CloudAPI } from './cloud'

/** Make `wx.cloud` this client. */
export function installInto(wx: any, cloud: CloudAPI): void {
  replace(wx, 'wx', cloud, 'remove "cloud": true from app.json, or ')
}

/** Make `my.cloud.createCloudContext` make contexts of this client. */
export function installAlipay(my: any, createCloudContext: (options?: any) => CloudContext): void {
  replace(my, 'my', { createCloudContext }, '')
}

/** The members of hosts are often read-only, so the property itself is replaced. */
function replace(host: any, name: string, value: any, advice: string): void {
  if (!host) throw new Error('there is no ' + name + ' here to install into / 当前环境没有 ' + name)
  const property = { configurable: true, enumerable: true, writable: true, value }
  try {
    Object.defineProperty(host, 'cloud', property)
  } catch (_) {
    throw new Error(name + ".cloud cannot be replaced here: " + advice + "use require('yunbox') in its place / 无法替换 " + name + '.cloud')
  }
}
