'use strict'
// The whole client side through one SDK. Usage: node web_suite.js VARIANT ENDPOINT ENV. Prints one JSON line for each step.

const assert = require('node:assert/strict')
const { open } = require('./web_open')

const [variant, endpoint, env] = process.argv.slice(2)
const input = JSON.parse(process.env.INPUT || '{}')
const client = open(variant, endpoint, env)
const { app } = client
const name = `todos_${variant.replace(/\W/g, '')}`
const isMini = variant.startsWith('mp-')
const isGateway = variant.endsWith('3.7.0')
const steps = []
const step = (title, run) => steps.push([title, run])
const state = {}

const rows = (result) => {
  if (result.code) throw new Error(`${result.code} ${result.message}`)
  return result.data
}
const db = () => client.database()
const todos = () => db().collection(name)

step('sign in anonymously', async () => {
  await client.signIn()
  state.uid = await client.uid()
  assert.match(state.uid, /^[0-9a-f]{24}$/)
})

step('create a collection and add', async () => {
  await db().createCollection(name)
  const _ = db()
  const added = await todos().add({
    title: 'a', n: 1, tags: ['x'], nested: { k: 1 }, at: new Date(1700000000000),
    sd: _.serverDate({ offset: 1000 }), loc: new _.Geo.Point(113.3, 23.1),
  })
  state.id = added.id || added._id
  assert.ok(state.id)
  const fixed = await todos().add({ _id: 'fixed', title: 'b', n: 2, done: true })
  assert.equal(fixed.id || fixed._id, 'fixed')
  await todos().add({ title: 'c', n: 3 })
})

step('doc.get revives types', async () => {
  const [doc] = rows(await todos().doc(state.id).get())
  assert.equal(doc.title, 'a')
  assert.equal(doc._openid, state.uid)
  assert.ok(doc.at instanceof Date)
  assert.equal(doc.at.getTime(), 1700000000000)
  assert.ok(Math.abs(doc.sd.getTime() - Date.now() - 1000) < 20000)
  assert.deepEqual([doc.loc.longitude ?? doc.loc.coordinates[0], doc.loc.latitude ?? doc.loc.coordinates[1]], [113.3, 23.1])
})

step('doc.get of nothing', async () => {
  assert.deepEqual(rows(await todos().doc('nobody').get()), [])
})

step('where, orderBy, skip, limit, field', async () => {
  const _ = db().command
  const found = rows(await todos().where({ title: _.in(['a', 'b', 'c']), n: _.gte(1).and(_.lte(3)) })
    .orderBy('n', 'desc').skip(1).limit(1).field({ title: true }).get())
  assert.deepEqual(found, [{ _id: 'fixed', title: 'b' }])
})

step('regex, or, exists, nested, date', async () => {
  const base = db()
  const _ = base.command
  const titles = async (query) => rows(await todos().where(query).orderBy('n', 'asc').get()).map((doc) => doc.title)
  assert.deepEqual(await titles({ title: base.RegExp({ regexp: '^A', options: 'i' }) }), ['a'])
  assert.deepEqual(await titles(_.or([{ n: 1 }, { done: true }])), ['a', 'b'])
  assert.deepEqual(await titles({ done: _.exists(false) }), ['a', 'c'])
  assert.deepEqual(await titles({ nested: { k: 1 } }), ['a'])
  assert.deepEqual(await titles({ at: _.lte(new Date()) }), ['a'])
})

step('count', async () => {
  assert.equal((await todos().where({ n: db().command.gt(1) }).count()).total, 2)
})

step('doc.update with commands', async () => {
  const _ = db().command
  const changed = await todos().doc(state.id).update({
    title: 'a2', n: _.inc(10), tags: _.push(['y', 'z']), nested: { k: 2 }, gone: _.remove(),
  })
  assert.equal(changed.updated, 1)
  const [doc] = rows(await todos().doc(state.id).get())
  assert.deepEqual([doc.title, doc.n, doc.tags, doc.nested], ['a2', 11, ['x', 'y', 'z'], { k: 2 }])
})

step('doc.set replaces, or makes', async () => {
  const made = await todos().doc('set').set({ title: 's', n: 9 })
  assert.equal(made.upsertedId ?? made.upsert_id ?? made.upserted_id, 'set')
  const replaced = await todos().doc('set').set({ title: 's2' })
  assert.equal(replaced.updated, 1)
  assert.deepEqual(rows(await todos().doc('set').get()), [{ _id: 'set', title: 's2', _openid: state.uid }])
})

step('where.update', async () => {
  assert.equal((await todos().where({ n: db().command.gte(2) }).update({ flag: true })).updated, 3)
})

step('aggregate', async () => {
  const $ = db().command.aggregate
  const result = await todos().aggregate().match({ n: db().command.gte(1) })
    .group({ _id: '$flag', total: $.sum('$n'), cnt: $.sum(1) }).sort({ _id: 1 }).end()
  assert.deepEqual(result.data || result.list, [{ _id: true, total: 16, cnt: 3 }])
})

step('transaction', async () => {
  const tx = await db().startTransaction()
  const got = await tx.collection(name).doc('fixed').get()
  const doc = isGateway ? got.data.list[0] : got.data
  assert.equal(doc.title, 'b')
  assert.equal((await tx.collection(name).doc('fixed').update({ inTx: 1 })).updated, 1)
  await tx.collection(name).doc('txset').set({ z: 1 })
  assert.deepEqual(rows(await todos().doc('txset').get()), [])
  await tx.commit()
  assert.equal(rows(await todos().doc('txset').get())[0].z, 1)
  const other = await db().startTransaction()
  await other.collection(name).doc('fixed').update({ inTx: 2 })
  await other.rollback()
  assert.equal(rows(await todos().doc('fixed').get())[0].inTx, 1)
})

step('remove', async () => {
  assert.equal((await todos().doc(state.id).remove()).deleted, 1)
  assert.equal((await todos().doc(state.id).remove()).deleted, 0)
  assert.equal((await todos().where({ n: db().command.gte(2) }).remove()).deleted, 2)
})

step('a missing collection is named', async () => {
  const failure = await db().collection('nowhere').get().then((result) => result, (error) => error)
  assert.match(failure.code || String(failure.message || failure), /DATABASE_COLLECTION_NOT_EXIST/)
})

step('upload, link, download, delete', async () => {
  const text = 'hello, 世界'
  const filePath = isMini ? require('./wx_host').temporaryFile(text) : ['1.8.4', 'tcb-1.10.10'].includes(variant) ? Buffer.from(text) : new Blob([text])
  const cloudPath = `dir/${name}-中文.txt`
  const { fileID } = await app.uploadFile({ cloudPath, filePath })
  assert.match(fileID, /^cloud:\/\//)
  const links = await app.getTempFileURL({ fileList: [fileID, { fileID, maxAge: 60 }, `${fileID}.nope`] })
  assert.deepEqual(links.fileList.map((item) => item.code), ['SUCCESS', 'SUCCESS', 'STORAGE_FILE_NONEXIST'])
  const response = await fetch(links.fileList[0].tempFileURL || links.fileList[0].download_url)
  assert.equal(await response.text(), text)
  const deleted = await app.deleteFile({ fileList: [fileID, `${fileID}.nope`] })
  assert.deepEqual(deleted.fileList.map((item) => item.code), ['SUCCESS', 'STORAGE_FILE_NONEXIST'])
})

step('call a function', async () => {
  const { result } = await app.callFunction({ name: input.function, data: { a: 1, b: 2, s: '中文' } })
  assert.deepEqual(typeof result === 'string' ? JSON.parse(result) : result, { sum: 3, echoed: { a: 1, b: 2, s: '中文' } })
  const parsed = await app.callFunction({ name: input.function, data: { a: 2, b: 2 }, parse: true })
  assert.equal(parsed.result.sum, 4)
})

step('call no function', async () => {
  const failure = await app.callFunction({ name: 'nope' }).then((result) => result, (error) => error)
  assert.match(failure.code || String(failure.message || failure), /FUNCTION_NOT_FOUND/)
})

step('sign in with a password', async () => {
  if (!client.signInWithPassword) return
  await assert.rejects(async () => {
    const answer = await client.signInWithPassword(input.username, 'wrong')
    if (answer && answer.error) throw answer.error
  })
  await client.signInWithPassword(input.username, input.password)
  assert.equal(await client.uid(), input.userId)
})

step('sign in with a ticket', async () => {
  await client.signInWithTicket(input.ticket)
  assert.notEqual(await client.uid(), input.userId)
})

step('sign in as a user of the mini program', async () => {
  if (!isMini || variant === 'mp-1.8.4') return
  await client.auth.signInWithOpenId({ useWxCloud: false })
  const user = await client.uid()
  await client.auth.signInWithOpenId({ useWxCloud: false })
  assert.equal(await client.uid(), user)
})

async function main() {
  for (const [title, run] of steps) {
    let error
    try { await run() } catch (raised) { error = String((raised && raised.stack) || JSON.stringify(raised) || raised) }
    console.log(JSON.stringify({ step: title, ok: !error, error }))
  }
}

process.on('unhandledRejection', (error) => {
  console.log(JSON.stringify({ step: 'unhandled rejection', ok: false, error: String((error && error.stack) || error) }))
})
main().then(() => process.exit(0))
