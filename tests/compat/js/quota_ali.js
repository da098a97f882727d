'use strict'
// What an application sees when its space has used up what it may:
// node quota_ali.js '{"endpoint","spaceId","clientSecret","serverSecret","png"}'. Prints {step: [how often it worked, error]}.

const { loadSdk } = require('./ali_platform.js')
const NodeSdk = require('@alicloud/mpserverless-node-sdk').default

const options = JSON.parse(process.argv[2])
const { MPServerless, platformObject } = loadSdk('wx', 'code-of-tom', '@alicloud/mpserverless-sdk')
const keys = { appId: 'app-1', spaceId: options.spaceId, clientSecret: options.clientSecret, endpoint: options.endpoint }
const mini = new (MPServerless.default || MPServerless)(platformObject, keys)
const node = new NodeSdk({ spaceId: options.spaceId, serverSecret: options.serverSecret, endpoint: options.endpoint })
const results = {}

async function until (step, run) {
  for (let done = 0; done < 5; done++) {
    try {
      await run(done)
    } catch (error) {
      results[step] = [done, { code: error.code || error.name, message: error.message }]
      return
    }
  }
  results[step] = [5, null]
}

async function main () {
  await mini.user.authorize({ authType: 'anonymous' })
  // One counter for both: the client takes the first, the server the rest.
  await mini.db.collection('items').insertOne({ n: 0 })
  await until('write', (n) => node.db.collection('items').insertOne({ n }))
  await until('write as a client', (n) => mini.db.collection('items').insertOne({ n }))
  await until('read', () => mini.db.collection('items').find({}))
  await until('read as a server', () => node.db.collection('items').find({}))
  await until('call', () => mini.function.invoke('echo', {}))
  let url = ''
  await until('upload', async () => {
    const done = await mini.file.uploadFile({ filePath: options.png, extension: 'png' })
    url = done.fileUrl || (done.result && done.result.fileUrl) || url
  })
  await until('delete file', (n) => n ? Promise.reject(Object.assign(new Error('enough'), { code: 'ENOUGH' })) : mini.file.deleteFile(url))
  console.log(JSON.stringify(results))
  process.exit(0)
}
main().catch((error) => { console.error(error); process.exit(1) })
