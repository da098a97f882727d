// What one person may do under rules of functions and files. Usage: node access.mjs VARIANT ENDPOINT ENV USER|anonymous FILE

import { openIn } from './places.mjs'

const [variant, endpoint, env, name, file] = process.argv.slice(2)
const client = openIn('node', variant, endpoint, env)
const { app, place } = client
if (name === 'anonymous') await client.signIn()
else await client.signInWithPassword(name, 'Passw0rd!')

async function attempt (work) {
  try {
    return await work()
  } catch (error) {
    return (error && (error.code || error.message)) || String(error)
  }
}

const call = (name) => attempt(async () => {
  const answer = await app.callFunction({ name })
  return answer.code || 'ok'
})
const first = (work) => attempt(async () => {
  const { fileList: [item] } = await work()
  return item.code === 'SUCCESS' ? 'ok' : item.code
})

const outcome = {}
for (const name of ['other', 'open', 'named', 'closed']) outcome[name] = await call(name)
outcome.upload = await attempt(async () => {
  const { fileID } = await app.uploadFile({ cloudPath: `${name}.txt`, filePath: place.file(name) })
  outcome.fileID = fileID
  return 'ok'
})
if (file) {
  outcome.read = await first(() => app.getTempFileURL({ fileList: [file] }))
  outcome.overwrite = await attempt(async () => {
    await app.uploadFile({ cloudPath: file.split('/').pop(), filePath: place.file('changed') })
    return 'ok'
  })
  outcome.remove = await first(() => app.deleteFile({ fileList: [file] }))
}
console.log(JSON.stringify(outcome))
process.exit(0)
