/** Alipay mini programs. */

import { Host } from '../host'
import { fileTypeOf, globalSocket, promised, taskSocket } from './platform'

export function myHost(my: any): Host {
  return {
    name: 'my',
    runtime: 'my_mp',
    post: (url, body, headers, timeout) =>
      promised((options) => my.request(options), { url, method: 'POST', data: body, headers, timeout, dataType: 'text' }).then(
        (answer) => ({ status: answer.status || answer.statusCode, body: answer.data }),
      ),
    upload: (upload, transfer) => {
      const { url, file, fields, headers, name } = upload
      const options = {
        url,
        filePath: file,
        name: 'file',
        fileName: 'file',
        fileType: fileTypeOf(name),
        formData: fields,
        headers,
      }
      return promised((given) => my.uploadFile(given), options, (task) => {
        if (task.abort) transfer.onAbort(() => task.abort())
        if (!task.onProgressUpdate) return
        task.onProgressUpdate((event: any) =>
          transfer.report({
            progress: event.progress,
            done: event.totalBytesSent,
            total: event.totalBytesExpectedToSend,
          }),
        )
      }).then((answer) => Number(answer.statusCode))
    },
    download: (url, transfer) =>
      promised((options) => my.downloadFile(options), { url }, (task) => {
        if (task.abort) transfer.onAbort(() => task.abort())
        if (!task.onProgressUpdate) return
        task.onProgressUpdate((event: any) =>
          transfer.report({
            progress: event.progress,
            done: event.totalBytesWritten,
            total: event.totalBytesExpectedToWrite,
          }),
        )
      }).then((answer) => ({ status: Number(answer.statusCode || 200), path: answer.tempFilePath || answer.apFilePath })),
    store: (content) => {
      const filePath = my.env.USER_DATA_PATH + '/yunbox-' + Date.now() + '-' + Math.random().toString(36).slice(2)
      const options = { filePath, data: content, encoding: 'utf8' }
      return promised((given) => my.getFileSystemManager().writeFile(given), options).then(() => filePath)
    },
    connect: (url) => {
      const canShare = my.canIUse && my.canIUse('connectSocket.object.multiple')
      return canShare ? taskSocket(my.connectSocket({ url, multiple: true })) : globalSocket(my, url)
    },
    storage: {
      get: (key) => my.getStorageSync({ key }).data || null,
      set: (key, value) => my.setStorageSync({ key, data: value }),
      remove: (key) => my.removeStorageSync({ key }),
    },
    login: () =>
      promised((options) => my.getAuthCode(options), { scopes: 'auth_base' }).then((answer) => ({
        loginType: 'ALIPAY-MINIAPP',
        code: answer.authCode,
        appId: (my.getAppIdSync && my.getAppIdSync().appId) || '',
      })),
    settings: () => {
      const carried = my.getExtConfigSync ? my.getExtConfigSync() : null
      return (carried && carried.yunbox) || {}
    },
  }
}
