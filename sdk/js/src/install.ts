/** Putting the client where applications look for it. */

import { CloudAPI } from './cloud'

/** Make `wx.cloud` this client. The members of hosts are often read-only, so the property itself is replaced. */
export function installInto(wx: any, cloud: CloudAPI): void {
  const property = { configurable: true, enumerable: true, writable: true, value: cloud }
  try {
    Object.defineProperty(wx, 'cloud', property)
  } catch (_) {
    try {
      delete wx.cloud
      Object.defineProperty(wx, 'cloud', property)
    } catch (_error) {
      throw new Error(
        'wx.cloud cannot be replaced here: remove "cloud": true from app.json, or use require(\'yunbox\') in its place' +
          ' / 无法替换 wx.cloud：请删除 app.json 中的 "cloud": true，或直接 require(\'yunbox\')',
      )
    }
  }
}
