'use strict'
// Watching through one SDK. Usage: node web_watch.js VARIANT ENDPOINT ENV COLLECTION. Prints one JSON line for each step.

const assert = require('node:assert/strict')
const { open } = require('./web_open')

const [variant, endpoint, env, name] = process.argv.slice(2)
const client = open(variant, endpoint, env)
const steps = []
const step = (title, run) => steps.push([title, run])

/** A watch whose snapshots can be awaited one by one. */
function watching(query) {
  const snapshots = []
  const waiting = []
  const take = (item) => (waiting.length ? waiting.shift()(item) : snapshots.push(item))
  const listener = query.watch({ onChange: take, onError: (error) => take({ error: JSON.stringify(error) + String(error.message) }) })
  return {
    next: () => new Promise((resolve) => (snapshots.length ? resolve(snapshots.shift()) : waiting.push(resolve))),
    close: () => listener.close(),
    waiting: () => snapshots.length,
  }
}

const todos = () => client.database().collection(name)
const changes = (snapshot) => snapshot.docChanges.map((one) => [one.dataType, one.queueType, one.docId])
const ids = (snapshot) => { if (snapshot.error) throw new Error(snapshot.error); return snapshot.docs.map((doc) => doc._id) }
const state = {}

step('init', async () => {
  await client.signIn()
  await todos().add({ _id: 'a', n: 5 })
  state.watch = watching(todos().where({ n: client.database().command.gt(0) }))
  const first = await state.watch.next()
  assert.deepEqual(changes(first), [['init', 'init', 'a']])
  assert.deepEqual(first.docs.map((doc) => doc.n), [5])
})

step('add', async () => {
  await todos().add({ _id: 'b', n: 6, at: new Date(0) })
  const snapshot = await state.watch.next()
  assert.deepEqual(changes(snapshot), [['add', 'enqueue', 'b']])
  assert.deepEqual(ids(snapshot), ['a', 'b'])
})

step('update', async () => {
  await todos().doc('b').update({ n: client.database().command.inc(1), o: { p: 1 } })
  const snapshot = await state.watch.next()
  assert.deepEqual(changes(snapshot), [['update', 'update', 'b']])
  assert.deepEqual(snapshot.docChanges[0].updatedFields, { n: 7, o: { p: 1 } })
  assert.equal(snapshot.docs[1].n, 7)
  await todos().doc('b').update({ at: client.database().command.remove() })
  assert.deepEqual((await state.watch.next()).docChanges[0].removedFields, ['at'])
})

step('leave the query and come back', async () => {
  await todos().doc('b').update({ n: -1 })
  const left = await state.watch.next()
  assert.deepEqual(changes(left), [['update', 'dequeue', 'b']])
  assert.deepEqual(ids(left), ['a'])
  await todos().doc('b').update({ n: 1 })
  const back = await state.watch.next()
  assert.deepEqual(changes(back), [['update', 'enqueue', 'b']])
})

step('replace and remove', async () => {
  await todos().doc('b').set({ n: 8 })
  assert.deepEqual(changes(await state.watch.next()), [['replace', 'update', 'b']])
  await todos().doc('b').remove()
  const removed = await state.watch.next()
  assert.deepEqual(changes(removed), [['remove', 'dequeue', 'b']])
  await state.watch.close()
})

step('order and limit', async () => {
  for (const n of [1, 2, 3]) await todos().add({ _id: `l${n}`, n, kind: 'limit' })
  const watch = watching(todos().where({ kind: 'limit' }).orderBy('n', 'asc').limit(2))
  assert.deepEqual(ids(await watch.next()), ['l1', 'l2'])
  await todos().doc('l1').remove()
  assert.deepEqual(changes(await watch.next()), [['remove', 'dequeue', 'l1'], ['limit', 'enqueue', 'l3']])
  await todos().add({ _id: 'l0', n: 0, kind: 'limit' })
  assert.deepEqual(changes(await watch.next()).sort(), [['add', 'enqueue', 'l0'], ['limit', 'dequeue', 'l3']])
  await watch.close()
})

step('one document', async () => {
  const watch = watching(todos().doc('a'))
  assert.deepEqual(ids(await watch.next()), ['a'])
  await todos().doc('a').update({ hello: 1 })
  assert.equal((await watch.next()).docs[0].hello, 1)
  await watch.close()
})

step('nothing at first', async () => {
  const watch = watching(todos().where({ kind: 'none' }))
  const first = await watch.next()
  assert.deepEqual(first.docs, [])
  await todos().add({ _id: 'none1', kind: 'none' })
  assert.deepEqual(ids(await watch.next()), ['none1'])
  await watch.close()
})

step('a missing collection ends the watch', async () => {
  const watch = watching(client.database().collection('nowhere').where({ n: 1 }))
  const failure = await watch.next()
  assert.match(failure.error, /DATABASE_COLLECTION_NOT_EXIST/)
})

async function main() {
  for (const [title, run] of steps) {
    let error
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error('nothing came for 8 s')), 8000).unref())
    try { await Promise.race([run(), late]) } catch (raised) { error = String((raised && raised.stack) || raised) }
    console.log(JSON.stringify({ step: title, ok: !error, error }))
  }
}

// On a fatal error the SDKs also leave a rejected promise behind (tencent-client.md §5).
process.on('unhandledRejection', () => undefined)
main().then(() => process.exit(0))
