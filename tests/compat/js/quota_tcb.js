// What an application sees when its space has used up what it may: node quota_tcb.js PACKAGE CONFIG
// CONFIG: {endpoint, space, secretId, secretKey}. Prints one JSON object: {step: [how often it worked, error]}.
const [, , name, config] = process.argv
const { endpoint, space, secretId, secretKey } = JSON.parse(config)
for (const key of Object.keys(process.env)) if (/^(TENCENTCLOUD|TCB|SCF|KUBERNETES)_/.test(key)) delete process.env[key]
const isWx = name.startsWith('wx-')
if (isWx) {
  Object.assign(process.env, {
    TENCENTCLOUD_SECRETID: secretId,
    TENCENTCLOUD_SECRETKEY: secretKey,
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_SESSIONTOKEN: 'unused',
    TENCENTCLOUD_REGION: 'ap-shanghai',
    SCF_NAMESPACE: space,
    TCB_ENV: space,
    TCB_CONTEXT_CNFG: JSON.stringify({ URL: `${endpoint}/admin`, TCB_SDK_GRAY_0: true }),
    TCB_CONTEXT_KEYS: 'TCB_ENV,TCB_CONTEXT_CNFG',
  })
}
const sdk = require(name)
const options = isWx ? { env: space } : { secretId, secretKey, env: space, serviceUrl: `${endpoint}/admin`, region: 'ap-shanghai' }
const app = isWx ? (sdk.init(options), sdk) : sdk.init(options)
const items = app.database().collection('items')
const record = (data) => (isWx ? { data } : data)
const results = {}

// Repeat until it is refused, five times at most.
async function until(step, run) {
  for (let done = 0; done < 5; done++) {
    try {
      const result = await run(done)
      const code = result && (result.code || (result.fileList && result.fileList[0].code))
      if (code && code !== 'SUCCESS') throw Object.assign(new Error(result.message || code), { code })
    } catch (error) {
      const number = error.errCode === -1 ? undefined : error.errCode
      results[step] = [done, { code: error.code || number || String(error), message: String(error.errMsg || error.message || error) }]
      return
    }
  }
  results[step] = [5, null]
}

async function main() {
  await until('write', (n) => items.add(record({ n })))
  await until('read', () => items.where({ n: 0 }).get())
  await until('call', () => app.callFunction({ name: 'echo', data: {} }))
  let fileID = ''
  await until('upload', async (n) => {
    const done = await app.uploadFile({ cloudPath: `f${n}.txt`, fileContent: Buffer.from('hello') })
    fileID = done.fileID || fileID
    return done
  })
  await until('download', () => app.downloadFile({ fileID }))
  await until('delete file', (n) => n ? Promise.reject(Object.assign(new Error('enough'), { code: 'ENOUGH' })) : app.deleteFile({ fileList: [fileID] }))
  console.log(JSON.stringify(results))
  process.exit(0)
}
main()
