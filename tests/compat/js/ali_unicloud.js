'use strict'
// node ali_unicloud.js '{"endpoint","spaceId","clientSecret","png"}': the aliyun client inside uniCloud, as a WeChat mini
// program's build contains it.

const Module = require('node:module')
const { exchange, host, record } = require('./ali_platform.js')

const { endpoint, spaceId, clientSecret, png } = JSON.parse(process.argv[2])
Object.assign(process.env, {
  NODE_ENV: 'production',
  UNI_PLATFORM: 'mp-weixin',
  UNI_APP_ID: '__UNI__TEST',
  UNI_CLOUD_PROVIDER: JSON.stringify([{ provider: 'aliyun', spaceName: 'test', spaceId, clientSecret, endpoint }])
})

// What the build puts in the place of the app's page list, and what uni-app gives to pages.
const resolve = Module._resolveFilename
Module._resolveFilename = (name, ...others) => name === '@/pages.json' ? require.resolve('./ali_platform.js') : resolve(name, ...others)
const platform = host('wx', 'unused')
const kept = {}
let tampered = {}
const finish = options => answer => {
  const failed = /:fail/.test(answer.errMsg)
  ;(failed ? options.fail : options.success)?.(answer)
  options.complete?.(answer)
}
const system = { platform: 'ios', osName: 'ios', appId: '__UNI__TEST', deviceId: 'dev1', uniPlatform: 'mp-weixin', SDKVersion: '3.0.0' }
globalThis.uni = {
  request: options => platform.request({ ...options, complete: finish(options) }),
  uploadFile: options => { platform.uploadFile({ ...options, formData: { ...options.formData, ...tampered }, complete: finish(options) }); return { onProgressUpdate () {} } },
  getSystemInfoSync: () => system,
  getAppBaseInfo: () => system,
  getDeviceInfo: () => system,
  getLocale: () => 'zh-Hans',
  getLaunchOptionsSync: () => ({ scene: 1001 }),
  getEnterOptionsSync: () => ({ scene: 1001 }),
  getStorageSync: key => kept[key] ?? '',
  setStorageSync: (key, value) => { kept[key] = value },
  removeStorageSync: key => { delete kept[key] },
  onSocketMessage () {}
}
globalThis.wx = { ...platform, canIUse: () => true }

const { uniCloud } = require('uni-cloud-3.0.0')
const value = (results, name) => results[name].value
const tokenKey = () => Object.keys(kept).find(key => key.startsWith('access_token'))

record({
  sum: () => uniCloud.callFunction({ name: 'sum', data: { a: 1, b: 2 } }),
  echo: () => uniCloud.callFunction({ name: 'echo', data: { s: '中文 & =' } }),
  callback: () => new Promise((resolve, reject) => uniCloud.callFunction({ name: 'str', success: resolve, fail: reject })),
  boom: () => uniCloud.callFunction({ name: 'boom' }),
  missing: () => uniCloud.callFunction({ name: 'nope' }),
  upload: () => uniCloud.uploadFile({ filePath: png, cloudPath: 'a.png' }),
  async download (r) {
    const { status, body, headers } = await exchange(value(r, 'upload').fileID, { method: 'GET' })
    return { status, bytes: body.toString('base64'), disposition: headers['content-disposition'] }
  },
  temporary: r => uniCloud.getTempFileURL({ fileList: [value(r, 'upload').fileID] }),
  expired: async () => {
    const key = tokenKey()
    if (key) kept[key] = 'not a token'
    return uniCloud.callFunction({ name: 'sum', data: { a: 2, b: 2 } })
  },
  tampered: () => { tampered = { Signature: 'x' }; return uniCloud.uploadFile({ filePath: png, cloudPath: 'a.png' }) },
  otherKey: () => { tampered = { key: 'cloudstorage/evil.png' }; return uniCloud.uploadFile({ filePath: png, cloudPath: 'a.png' }) },
  other: () => uniCloud.init({ provider: 'aliyun', spaceId, clientSecret: 'wrong', endpoint }).callFunction({ name: 'sum' }),
  foreign: () => uniCloud.init({ provider: 'aliyun', spaceId: 'mp-nobody', clientSecret, endpoint }).callFunction({ name: 'sum' }),
  object: () => uniCloud.importObject('counter', { customUI: true }).add(1, 2)
}).then(results => { console.log(JSON.stringify(results)); process.exit() })
