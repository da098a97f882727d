'use strict'
// node todo.js ENDPOINT ENV: two users drive the example's own client code through the real @cloudbase/js-sdk.

const assert = require('node:assert/strict')
const path = require('node:path')
const { createTodos } = require(path.join(process.env.EXAMPLE, 'miniprogram', 'services', 'todos.js'))

const [endpoint, env] = process.argv.slice(2)

// The one difference between wx.cloud and the web SDK that the example meets: what a file to upload is.
async function signedIn (variant) {
  const { openIn } = await import('../../compat/web/places.mjs')
  const client = openIn('node', variant, endpoint, env)
  await client.signIn()
  const { app } = client
  return createTodos({
    callFunction: (options) => app.callFunction(options),
    database: () => app.database(),
    getTempFileURL: (options) => app.getTempFileURL(options),
    uploadFile: ({ cloudPath, filePath }) => app.uploadFile({ cloudPath, filePath: client.place.file(`bytes of ${filePath}`) })
  })
}

async function main () {
  const ann = await signedIn('3.7.0')
  const user = await ann.login()
  assert.equal(user.visits, 1)
  assert.equal((await ann.login()).visits, 2)

  assert.deepEqual((await ann.categories()).map((row) => row.name), ['家务', '工作', '学习', '娱乐'])

  const { _id: milk } = await ann.add({ title: ' 买牛奶 ', category: 'home', photos: ['/tmp/a.png', '/tmp/b.jpg'] })
  await ann.add({ title: '写周报', category: 'work' })
  await assert.rejects(ann.add({ title: '  ' }), /标题不能为空/)

  const items = await ann.list()
  assert.deepEqual(items.map((item) => item.title), ['写周报', '买牛奶'])
  assert.ok(items[1].createdAt instanceof Date)

  const [photo] = await ann.photoURLs(items[1].photos)
  const shown = await fetch(photo)
  assert.equal(await shown.text(), 'bytes of /tmp/a.png')

  assert.deepEqual(await ann.toggle(milk), { done: true })
  assert.deepEqual((await ann.list(true)).map((item) => item._id), [milk])
  const stats = await ann.stats()
  assert.deepEqual([stats.total, stats.done], [2, 1])
  assert.deepEqual(stats.categories.map((row) => [row.name, row.done, row.total]), [['家务', 1, 1], ['工作', 0, 1]])

  const bob = await signedIn('2.31.0')
  assert.deepEqual(await bob.list(), [])
  await assert.rejects(bob.remove(milk), /没有这条待办/)

  assert.deepEqual(await ann.remove(milk), { photos: 2 })
  assert.equal((await fetch(photo)).status, 404)
  assert.deepEqual((await ann.list(true)), [])
  console.log('done')
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })
