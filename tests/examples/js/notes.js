'use strict'
// node notes.js PLATFORM '{"endpoint","spaceId","clientSecret"}': two users drive the example's own client code.

const assert = require('node:assert/strict')
const path = require('node:path')
const { exchange, loadSdk } = require('../../compat/js/ali_platform.js')
const { createNotes } = require(path.join(process.env.EXAMPLE, 'services', 'notes.js'))

const [platform, keys, picture] = process.argv.slice(2)
const { MPServerless, platformObject } = loadSdk(platform, 'code-of-ann', '@alicloud/mpserverless-sdk')

async function signedIn () {
  const client = new (MPServerless.default || MPServerless)(platformObject, { appId: '2021', ...JSON.parse(keys) })
  await client.init({ authorType: 'anonymous' })
  return createNotes(client)
}

async function main () {
  const ann = await signedIn()
  assert.deepEqual((await ann.tags()).map((tag) => tag.name).sort(), ['灵感', '生活', '读书'].sort())

  const first = await ann.add({ title: '第一篇', text: '你好', tags: ['生活', '灵感'], picture })
  const second = await ann.add({ title: '第二篇', text: 'hello', tags: ['生活'] })
  const notes = await ann.list()
  assert.deepEqual(notes.map((note) => note._id).sort(), [first, second].sort())
  const note = notes.find((one) => one._id === first)
  assert.ok(note.createdAt instanceof Date)
  assert.equal((await exchange(note.picture, { method: 'GET' })).status, 200)
  assert.deepEqual((await ann.list({ tags: '灵感' })).length, 1)
  assert.equal(await ann.change(second, { text: 'changed' }), true)
  assert.deepEqual(await ann.summary(), [{ tag: '生活', notes: 2 }, { tag: '灵感', notes: 1 }])

  const bob = await signedIn()
  assert.deepEqual(await bob.list(), [])
  assert.equal(await bob.change(second, { text: 'stolen' }), false)
  await assert.rejects(bob.publish(second), (thrown) => /只能发布自己的笔记/.test((thrown.error || thrown).message))
  assert.deepEqual(await ann.publish(second), { published: true })
  assert.deepEqual((await bob.published(5)).map((one) => [one.title, one.text, one.mine]), [['第二篇', 'changed', false]])
  assert.deepEqual((await ann.published(5)).map((one) => one.mine), [true])

  await ann.remove(note)
  assert.equal(await ann.count(), 1)
  assert.equal((await exchange(note.picture, { method: 'GET' })).status, 404)
  console.log('done')
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })
