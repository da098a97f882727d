// What the client tells when a space has used up what it may: node quota.js ENDPOINT SPACE. Prints {step: errCode}.
'use strict'

const [endpoint, space] = process.argv.slice(2)
const yunbox = require('../../../sdk/js/dist/node.cjs')
const cloud = new yunbox.Cloud({ resourceEnv: space, endpoint, signIn: { developer: 'ann' } })

async function codeOf(run) {
  try {
    await run()
    return 0
  } catch (error) {
    return error.errCode
  }
}

async function main() {
  const ready = cloud.init()
  if (ready) await ready
  const notes = cloud.database().collection('notes')
  console.log(JSON.stringify({
    write: await codeOf(() => notes.add({ data: { n: 1 } })),
    'write again': await codeOf(() => notes.add({ data: { n: 2 } })),
    read: await codeOf(() => notes.get()),
    'read again': await codeOf(() => notes.get()),
    call: await codeOf(() => cloud.callFunction({ name: 'echo', data: {} })),
  }))
  process.exit(0)
}
main()
