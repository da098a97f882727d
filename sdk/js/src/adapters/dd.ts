/** DingTalk mini programs. */

import { Host } from '../host'
import { fileTypeOf, globalSocket, promised } from './platform'

export function ddHost(dd: any): Host {
  const store: Host['store'] = () => Promise.reject(new Error('DingTalk has no files for CDN(); pass a filePath'))
  return {
    name: 'dd',
    runtime: 'dd_mp',
    post: (url, body, headers, timeout) =>
      promised((options) => dd.httpRequest(options), {
        url,
        method: 'POST',
        data: body,
        headers,
        timeout,
        dataType: 'text',
      }).then((answer) => ({ status: answer.status, body: answer.data })),
    upload: (upload, transfer) => {
      const { url, file, fields, headers, name } = upload
      const options = { url, filePath: file, fileName: 'file', fileType: fileTypeOf(name), formData: fields, header: headers }
      return promised((given) => dd.uploadFile(given), options, (task) => {
        if (task.abort) transfer.onAbort(() => task.abort())
      }).then((answer) => Number(answer.statusCode))
    },
    download: (url, transfer) =>
      promised((options) => dd.downloadFile(options), { url }, (task) => {
        if (task.abort) transfer.onAbort(() => task.abort())
      }).then((answer) => ({ status: 200, path: answer.filePath })),
    store,
    connect: (url) => globalSocket(dd, url),
    storage: {
      get: (key) => dd.getStorageSync({ key }).data || null,
      set: (key, value) => dd.setStorageSync({ key, data: value }),
      remove: (key) => dd.removeStorageSync({ key }),
    },
    login: () =>
      promised((options) => dd.getAuthCode(options), { corpId: dd.corpId || '' }).then((answer) => ({
        loginType: 'DINGTALK-MINIAPP',
        code: answer.authCode,
        appId: '',
      })),
    settings: () => ({}),
  }
}
