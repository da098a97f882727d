'use strict'
// The same tests for node:test, jest and vitest: `test` is the framework's.

const assert = require('node:assert/strict')
const path = require('node:path')

const DAY = 86400
const functions = path.join(__dirname, 'functions')

module.exports = (test, startCloud) => {
  test('documents, users and rules', async () => {
    const cloud = await startCloud({ spaceId: 'shop' })
    assert.equal(cloud.spaceId, 'shop')
    const when = new Date(1700000000123)
    const { todos } = await cloud.seed({ todos: [{ text: 'milk', when, _openid: 'ann' }, { text: 'tea' }] })
    assert.equal(todos.length, 2)
    assert.deepEqual(await cloud.asUser('ann').find('todos'), [{ _id: todos[0], text: 'milk', when, _openid: 'ann' }])
    assert.equal((await cloud.admin.find('todos', { text: 'tea' })).length, 1)
    await cloud.setRules('todos', { read: "auth.openid == 'bob'" })
    assert.equal((await cloud.asUser('bob').find('todos')).length, 2)
    await assert.rejects(cloud.asUser('ann').find('todos'), { code: 'PermissionDenied' })
    await cloud.close()
    await assert.rejects(cloud.seed({ a: [] }), /closed/)
  })

  test('functions, the clock and wx.cloud', async () => {
    const cloud = await startCloud()
    assert.deepEqual(await cloud.deploy(functions), ['clock', 'fails'])
    const ann = cloud.asUser('ann')
    const before = await ann.call('clock', { n: 1 })
    assert.equal(before.openid, 'ann')
    assert.deepEqual(before.event.n, 1)
    const now = await cloud.advance(3 * DAY)
    assert.ok(Math.abs((await ann.call('clock')).now - now) < 60000)
    await assert.rejects(ann.call('fails'), error => error.code === 'FunctionFailed' && error.logs[0] === 'on my way')
    const { result } = await ann.cloud.callFunction({ name: 'clock', data: { n: 2 } })
    assert.equal(result.openid, 'ann')
    await cloud.seed({ todos: [] })
    await ann.cloud.database().collection('todos').add({ data: { n: 1 } })
    assert.equal((await ann.find('todos'))[0].n, 1)
    assert.deepEqual(await cloud.asUser('bob').find('todos'), [])
    await ann.upload('a.txt', 'hello')
    assert.equal((await ann.session()).expiresIn, 7200)
    await cloud.close()
  })

  test('a further cloud is there at once and knows nothing of the first', async () => {
    const [one, other] = await Promise.all([startCloud(), startCloud()])
    await one.seed({ a: [{ n: 1 }] })
    await other.seed({ a: [] })
    assert.deepEqual(await other.admin.find('a'), [])
    assert.notEqual(one.keys.secretKey, other.keys.secretKey)
    const moved = await one.advance(DAY)
    assert.ok(moved - await other.advance(0) > DAY * 500)
    await Promise.all([one.close(), other.close()])
  })
}
