'use strict'
// node ali_access.js '{"endpoint","spaceId","clientSecret"}': two users under rules of functions and files.

const { loadSdk } = require('./ali_platform.js')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const { endpoint, spaceId, clientSecret } = JSON.parse(process.argv[2])
const { MPServerless, platformObject } = loadSdk('wx', 'unused', '@alicloud/mpserverless-sdk')
const user = () => new (MPServerless.default || MPServerless)(platformObject, { appId: 'app-1', endpoint, spaceId, clientSecret })
const attempt = (work) => work().catch((error) => error.code || error.name || String(error))

async function main () {
  const [ann, bob] = [user(), user()]
  await ann.init({ authorType: 'anonymous' })
  await bob.init({ authorType: 'anonymous' })
  const outcome = {}
  for (const name of ['open', 'named', 'closed']) {
    outcome[name] = await attempt(async () => (await ann.function.invoke(name, {})).result)
  }
  const picture = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'rules-')), 'a.png')
  fs.writeFileSync(picture, 'picture')
  const { fileUrl } = await ann.file.uploadFile({ filePath: picture })
  outcome.delete = await attempt(() => bob.file.deleteFile(fileUrl))
  fs.rmSync(path.dirname(picture), { recursive: true })
  console.log(JSON.stringify(outcome))
}

main()
