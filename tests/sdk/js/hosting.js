'use strict'
// Signing in, installing, the Alipay facade, lost sockets. Usage: node hosting.js ENDPOINT SPACE

const assert = require('node:assert/strict')
const { newFile, startMiniProgram } = require('./hosts')

const [endpoint, space] = process.argv.slice(2)
const steps = []
const step = (title, run) => steps.push([title, run])

/** A mini program whose requests are written down; `answer` may answer instead of the server. */
function observed(user, answer = () => undefined) {
  const program = startMiniProgram('wx', user)
  const actions = []
  const { request } = program.api
  program.api.request = (options) => {
    const sent = JSON.parse(options.data)
    actions.push(sent.action)
    const told = answer(sent)
    if (!told) return request(options)
    Promise.resolve().then(() => options.success({ data: told, statusCode: 200, header: {} }))
    return { abort() {} }
  }
  return { ...program, actions, start: () => { const cloud = program.require('yunbox'); cloud.configure({ endpoint }); cloud.init({ env: space }); return cloud } }
}

const SIGN_IN = ['auth.signIn', 'auth.fetchAccessTokenWithRefreshToken']

step('signs in once, on the first calls', async () => {
  const program = observed('ann')
  const notes = program.start().database().collection('notes')
  assert.deepEqual(program.actions, [])
  await Promise.all([notes.count(), notes.count(), notes.get()])
  assert.deepEqual(program.actions.slice(0, 2), SIGN_IN)
  assert.equal(program.actions.filter((action) => action.startsWith('auth.')).length, 2)
})

step('refreshes an expired token once and repeats the calls', async () => {
  let refuse = 2
  const program = observed('ann', (sent) => (sent.action === 'database.countDocument' && refuse-- > 0 ? { code: 'ACCESS_TOKEN_EXPIRED', message: 'expired', requestId: 'r' } : undefined))
  const notes = program.start().database().collection('notes')
  const counts = await Promise.all([notes.count(), notes.count()])
  assert.equal(counts[0].errMsg, 'collection.count:ok')
  assert.equal(program.actions.filter((action) => action === SIGN_IN[1]).length, 2)
  assert.equal(program.actions.filter((action) => action === SIGN_IN[0]).length, 1)
})

step('gives up when a new token does not help', async () => {
  const program = observed('ann', (sent) => (sent.action === 'database.countDocument' ? { code: 'ACCESS_TOKEN_EXPIRED', message: 'expired', requestId: 'r' } : undefined))
  const error = await program.start().database().collection('notes').count().then(() => null, (reason) => reason)
  assert.equal(error.errCode, -401001)
  assert.equal(program.actions.filter((action) => action === 'database.countDocument').length, 2)
})

step('signs in again when the session has ended', async () => {
  const program = observed('ann')
  program.api.setStorageSync(`yunbox_session ${endpoint} ${space} `, JSON.stringify({ refresh: 'old', access: 'old' }))
  await program.start().database().collection('notes').count()
  assert.deepEqual(program.actions, ['database.countDocument', SIGN_IN[1], ...SIGN_IN, 'database.countDocument'])
})

step('keeps the session for the next start', async () => {
  const first = observed('eve')
  const { _id } = await first.start().database().collection('notes').add({ data: {} })
  const second = observed('nobody')
  const key = `yunbox_session ${endpoint} ${space} `
  second.api.setStorageSync(key, first.api.getStorageSync(key))
  await second.start().database().collection('notes').doc(_id).get()
  assert.deepEqual(second.actions, ['database.queryDocument'])
})

step('says what is missing', async () => {
  const program = observed('ann')
  const cloud = program.require('yunbox')
  const words = async (promise) => promise.then(() => '', (error) => error.errMsg)
  assert.match(await words(cloud.callFunction({ name: 'x' })), /^cloud\.callFunction:fail Cloud API isn't enabled, please call wx\.cloud\.init first/)
  cloud.init({})
  assert.match(await words(cloud.callFunction({ name: 'x' })), /configure\(\{ endpoint/)
  cloud.configure({ endpoint: 'http://127.0.0.1:9' })
  assert.equal(cloud.database().config.env, undefined)
  const lost = new cloud.Cloud({ resourceEnv: space, identityless: true })
  await lost.init()
  const error = await lost.callFunction({ name: 'x' }).then(() => null, (reason) => reason)
  assert.equal(error.errCode, -601003)
})

step('refuses wrong queries at once', () => {
  const notes = observed('ann').start().database().collection('notes')
  for (const wrong of [() => notes.limit(0), () => notes.where('n > 1'), () => notes.orderBy('n', 'up'), () => notes.doc()]) {
    assert.throws(wrong, (error) => error.errCode <= -401002 && /^errCode: -40100\d /.test(error.message))
  }
})

step('a guest has no login', async () => {
  const program = observed('ann')
  const cloud = program.start()
  const guest = new cloud.Cloud({ resourceEnv: space, identityless: true })
  await guest.init()
  await guest.database().collection('open').get()
  assert.deepEqual(program.actions, ['database.queryDocument'])
})

step('other environments by call and by part', async () => {
  const program = observed('ann')
  const cloud = program.require('yunbox')
  cloud.configure({ endpoint })
  cloud.init({ env: { database: space, functions: 'elsewhere' } })
  await cloud.database().collection('notes').count()
  const error = await cloud.callFunction({ name: 'x' }).then(() => null, (reason) => reason)
  assert.equal(error.errCode, -501005)
  await cloud.database({ env: space }).collection('notes').count()
})

step('replaces a read-only wx.cloud', async () => {
  const program = startMiniProgram('wx', 'ann')
  Object.defineProperty(program.api, 'cloud', { configurable: true, get: () => 'native' })
  const cloud = program.require('yunbox/wx')
  assert.equal(program.api.cloud, cloud)
  assert.equal(cloud, program.require('yunbox'))
  const fixed = startMiniProgram('wx', 'ann')
  Object.defineProperty(fixed.api, 'cloud', { configurable: false, get: () => 'native' })
  assert.throws(() => fixed.require('yunbox/wx'), /"cloud": true/)
})

step("Alipay's names", async () => {
  const program = startMiniProgram('my', 'ann')
  program.require('yunbox/my').configure({ endpoint })
  const context = program.api.cloud.createCloudContext({ env: space })
  const early = await context.callFunction({ name: 'echo' }).then(() => null, (error) => error)
  assert.equal(early.error, 60002)
  await context.init()
  const { fileID } = await context.uploadFile({ cloudPath: 'a.txt', filePath: newFile('text') })
  const { filePath, tempFilePath } = await context.downloadFile({ fileID })
  assert.equal(filePath, tempFilePath)
  const answer = await context.getTempFileURL({ fileList: [fileID] })
  assert.deepEqual([answer.resultMessage, answer.fileList[0].resultMessage], ['ok', 'ok'])
  const missing = await context.downloadFile({ fileID: `${fileID}x` }).then(() => null, (error) => error)
  assert.equal(missing.error, 60006)
  const called = await new Promise((resolve) => { context.callFunction({ fail: resolve }) })
  assert.equal(called.error, 60001)
  assert.equal((await context.database().collection('notes').count()).errMsg, 'collection.count:ok')
})

step('a watch survives lost sockets', async () => {
  const program = startMiniProgram('wx', 'ann')
  const sockets = []
  const { connectSocket } = program.api
  program.api.connectSocket = (options) => { const task = connectSocket(options); sockets.push(task); return task }
  const cloud = program.require('yunbox').configure({ endpoint })
  cloud.init({ env: space })
  const notes = cloud.database().collection('notes')
  const seen = []
  let next = () => undefined
  const listener = notes.where({ lost: true }).watch({
    onChange: (snapshot) => { seen.push(snapshot); next() },
    onError: (error) => { console.log(JSON.stringify({ step: 'watch', ok: false, error: error.message })) },
  })
  const snapshots = (count) => new Promise((resolve) => { next = () => seen.length >= count && resolve(); next() })
  await snapshots(1)
  for (let turn = 1; turn <= 20; turn += 1) {
    sockets[sockets.length - 1].close({ code: 3999, reason: 'lost' })
    await notes.add({ data: { _id: `lost${turn}`, lost: true } })
    await snapshots(turn + 1)
  }
  assert.deepEqual(seen.map((snapshot) => snapshot.docs.length), Array.from({ length: 21 }, (_item, count) => count))
  assert.equal(sockets.length, 21)
  await listener.close()
})

async function main() {
  for (const [title, run] of steps) {
    try {
      await run()
      console.log(JSON.stringify({ step: title, ok: true }))
    } catch (error) {
      console.log(JSON.stringify({ step: title, ok: false, error: `${error.errMsg || ''} ${error.stack || error}` }))
    }
  }
  process.exit(0)
}

main()
