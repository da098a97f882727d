/** Which host this is. */

import { Host } from '../host'
import { globalObject } from '../objects'
import { browserHost } from './browser'
import { ddHost } from './dd'
import { myHost } from './my'
import { wxHost } from './wx'

declare const wx: any
declare const my: any
declare const dd: any

/** The host's adapter; `null` where nothing is known, as in Node.js. */
export function detectHost(): Host | null {
  // DingTalk and Alipay name the same global differently, and some hosts offer a `wx` beside their own.
  if (typeof dd !== 'undefined' && dd && dd.httpRequest) return ddHost(dd)
  if (typeof my !== 'undefined' && my && my.request && my.getAuthCode) return myHost(my)
  if (typeof wx !== 'undefined' && wx && wx.request) return wxHost(wx)
  const global = globalObject()
  return global.XMLHttpRequest && global.document ? browserHost(global) : null
}

/** A host that is only looked for when it is first needed, so that importing never fails. */
export function lateHost(find: () => Host | null): Host {
  let found: Host | null = null
  const host = (): Host => {
    if (!found) found = find()
    if (!found) throw new Error('yunbox knows no way to the network here / 当前环境不受支持')
    return found
  }
  const late: any = {
    post: (url: any, body: any, headers: any, timeout: any) => host().post(url, body, headers, timeout),
    upload: (upload: any, transfer: any) => host().upload(upload, transfer),
    download: (url: any, transfer: any) => host().download(url, transfer),
    store: (content: any) => host().store(content),
    connect: (url: any) => host().connect(url),
    settings: () => host().settings(),
  }
  ;['name', 'runtime', 'storage', 'login'].forEach((name) => {
    Object.defineProperty(late, name, { get: () => (host() as any)[name] })
  })
  return late
}
