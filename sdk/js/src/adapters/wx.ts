/** WeChat mini programs, and the hosts that copy their API. */

import { Host } from '../host'
import { promised, taskSocket } from './platform'

export function wxHost(wx: any): Host {
  return {
    name: 'wx',
    runtime: 'wx_mp',
    post: (url, body, header, timeout) =>
      promised((options) => wx.request(options), { url, method: 'POST', data: body, header, timeout }).then((answer) => ({
        status: answer.statusCode,
        body: answer.data,
      })),
    upload: (upload, transfer) => {
      const { url, file, fields, headers } = upload
      const options = { url, filePath: file, name: 'file', formData: fields, header: headers }
      return promised((given) => wx.uploadFile(given), options, (task) => {
        transfer.onAbort(() => task.abort())
        if (task.onHeadersReceived) task.onHeadersReceived((event: any) => transfer.headers(event.header))
        if (!task.onProgressUpdate) return
        task.onProgressUpdate((event: any) =>
          transfer.report({
            progress: event.progress,
            done: event.totalBytesSent,
            total: event.totalBytesExpectedToSend,
          }),
        )
      }).then((answer) => answer.statusCode)
    },
    download: (url, transfer) =>
      promised((options) => wx.downloadFile(options), { url }, (task) => {
        transfer.onAbort(() => task.abort())
        if (task.onHeadersReceived) task.onHeadersReceived((event: any) => transfer.headers(event.header))
        if (!task.onProgressUpdate) return
        task.onProgressUpdate((event: any) =>
          transfer.report({
            progress: event.progress,
            done: event.totalBytesWritten,
            total: event.totalBytesExpectedToWrite,
          }),
        )
      }).then((answer) => ({ status: answer.statusCode, path: answer.tempFilePath })),
    store: (content) => {
      const filePath = wx.env.USER_DATA_PATH + '/yunbox-' + Date.now() + '-' + Math.random().toString(36).slice(2)
      const options = { filePath, data: content, encoding: 'utf8' }
      return promised((given) => wx.getFileSystemManager().writeFile(given), options).then(() => filePath)
    },
    connect: (url) => taskSocket(wx.connectSocket({ url })),
    storage: {
      get: (key) => wx.getStorageSync(key) || null,
      set: (key, value) => wx.setStorageSync(key, value),
      remove: (key) => wx.removeStorageSync(key),
    },
    login: () =>
      promised((options) => wx.login(options), {}).then((answer) => ({
        loginType: 'WECHAT-MINIAPP',
        code: answer.code,
        appId: appIdOf(wx),
      })),
    settings: () => {
      const carried = wx.getExtConfigSync ? wx.getExtConfigSync() : null
      return (carried && carried.yunbox) || {}
    },
  }
}

function appIdOf(wx: any): string {
  const account = wx.getAccountInfoSync ? wx.getAccountInfoSync() : null
  return (account && account.miniProgram && account.miniProgram.appId) || ''
}
