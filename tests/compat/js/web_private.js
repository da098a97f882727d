'use strict'
// What one user can do with another's documents. Usage: node web_private.js VARIANT ENDPOINT ENV owner|intruder COLLECTION

const { open } = require('./web_open')

const [variant, endpoint, env, role, name] = process.argv.slice(2)
const client = open(variant, endpoint, env)

async function outcome(work) {
  try {
    const result = await work()
    return result.code ? `error ${result.code}` : (result.data ?? result.total ?? result.updated ?? result.deleted ?? 'done')
  } catch (error) {
    return `error ${error.code || ''} ${error.message || error}`
  }
}

async function main() {
  await client.signIn()
  const todos = client.database().collection(name)
  if (role === 'owner') return { uid: await client.uid(), added: await outcome(() => todos.add({ _id: 'secret', n: 1 })) }
  return {
    uid: await client.uid(),
    doc: await outcome(() => todos.doc('secret').get()),
    list: await outcome(() => todos.get()),
    count: await outcome(() => todos.count()),
    update: await outcome(() => todos.doc('secret').update({ n: 2 })),
    updateAll: await outcome(() => todos.where({ n: 1 }).update({ n: 2 })),
    set: await outcome(() => todos.doc('secret').set({ n: 2 })),
    remove: await outcome(() => todos.doc('secret').remove()),
    forge: await outcome(() => todos.add({ n: 3, _openid: 'somebody' })),
    steal: await outcome(() => todos.where({ _id: 'secret' }).update({ _openid: 'me' })),
  }
}

main().then((result) => { console.log(JSON.stringify(result)); process.exit(0) })
