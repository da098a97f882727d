// One scenario for @cloudbase/node-sdk and tcb-admin-node: node cloudbase_node.js PACKAGE CONFIG
// CONFIG: {endpoint, space, secretId, secretKey}. Prints one JSON object: {step: result or {error}}.
const [, , name, config] = process.argv
const { endpoint, space, secretId, secretKey } = JSON.parse(config)
for (const key of Object.keys(process.env)) if (/^(TENCENTCLOUD|TCB|SCF|KUBERNETES)_/.test(key)) delete process.env[key]

const tcb = require(name)
const old = name.startsWith('tcb-admin')
const options = { secretId, secretKey, env: space, serviceUrl: `${endpoint}/admin`, region: 'ap-shanghai' }
const app = tcb.init(options)
const results = {}

function plain(value) {
  return JSON.parse(JSON.stringify(value === undefined ? null : value))
}

async function step(title, run) {
  try {
    const result = plain(await run())
    results[title] = result && result.code ? { error: result.code, message: result.message } : result
  } catch (error) {
    results[title] = { error: error.code || String(error), message: error.message }
  }
}

async function documents(db, _) {
  const todos = db.collection('items')
  await step('create', async () => Boolean((await db.createCollection('items')).requestId))
  await step('create again', () => db.createCollection('items'))
  await step('add', async () => {
    const { id } = await todos.add({ title: 'a', n: 1, at: new Date(1700000000000), list: [1, [2]], 'key.': '1' })
    const { data } = await todos.doc(id).get()
    return { same: data[0]._id === id, isDate: data[0].at instanceof Date, dotted: data[0]['key.'] }
  })
  await step('add many', async () => (await todos.add([{ n: 2 }, { n: 3 }])).ids || 'one')
  await step('add numeric id', async () => (await todos.add({ _id: 5, n: 4 })).id)
  await step('get numeric id', async () => (await todos.doc(5).get()).data)
  await step('duplicate', () => todos.add({ _id: 5 }))
  await step('where', async () => (await todos.where({ n: _.gte(1) }).orderBy('n', 'desc').limit(1).field({ n: 1, _id: 0 }).get()).data)
  await step('everything', async () => (await todos.where({ _id: /.*/ }).get()).data.length)
  await step('count', async () => (await todos.where({ n: _.exists(true) }).count()).total)
  await step('update', async () => (await todos.where({ n: _.lt(10) }).update({ seen: true, o: { deep: 1 } })).updated)
  await step('set new', async () => {
    const done = await todos.doc('made').set({ n: 100 })
    return { updated: done.updated, id: done.upsertedId }
  })
  await step('set existing', async () => (await todos.doc('made').set({ n: 101 })).updated)
  if (todos.where({ n: 101 }).updateAndReturn) {
    await step('update and return', async () => {
      const { updated, doc } = await todos.where({ n: 101 }).updateAndReturn({ n: _.inc(1) })
      return { updated, n: doc.n }
    })
    await step('update and return nothing', async () => {
      const { updated, doc } = await todos.where({ n: 4040 }).updateAndReturn({ n: _.inc(1) })
      return { updated, doc }
    })
  }
  await step('bad point', () => todos.add({ p: { type: 'Point', coordinates: [500, 0] } }))
  await step('remove', async () => (await todos.doc('made').remove()).deleted)
  await step('remove many', async () => (await todos.where({ n: _.gt(2) }).remove()).deleted)
  await step('missing collection', () => db.collection('nowhere').get())
  await step('bad field', () => todos.where({ n: { $nonsense: 1 } }).get())
}

async function aggregation(db, _) {
  const $ = _.aggregate
  const items = db.collection('prices')
  await db.createCollection('prices')
  for (const price of [1, 2, 3]) await items.add({ _id: `p${price}`, price, even: price % 2 === 0 })
  await step('group', async () => (await items.aggregate().group({ _id: '$even', total: $.sum('$price') }).sort({ total: 1 }).end()).data)
  await step('aggregate match', async () => (await items.aggregate().match({ price: _.gt(1) }).sort({ price: -1 }).end()).data.map((item) => item.price))
}

async function transactions(db, _) {
  const accounts = db.collection('money')
  await db.createCollection('money')
  await accounts.add({ _id: '1', money: 10 })
  await step('transaction', () => db.runTransaction(async (transaction) => {
    const found = await transaction.collection('money').doc('1').get()
    const updated = await transaction.collection('money').doc('1').update({ money: _.inc(1) })
    await transaction.collection('money').doc('2').set({ money: 1 })
    const gone = await transaction.collection('money').doc('nobody').get()
    return { found: found.data, updated: updated.updated, gone: gone.data }
  }))
  await step('after transaction', async () => (await accounts.orderBy('_id', 'asc').get()).data)
  await step('conflict', async () => {
    const one = await db.startTransaction()
    const two = await db.startTransaction()
    await one.collection('money').doc('1').update({ money: 1 })
    // It may show at the write or at the commit.
    try {
      const { code } = await two.collection('money').doc('1').update({ money: 2 })
      if (code) return code
      await one.commit()
      return (await two.commit()).code
    } catch (error) {
      return error.code
    }
  })
  await step('ended', async () => {
    const transaction = await db.startTransaction()
    await transaction.commit()
    return transaction.collection('money').doc('1').set({ money: 0 })
  })
}

async function storage() {
  await step('metadata', async () => {
    const { data } = await app.getUploadMetadata({ cloudPath: 'test.png' })
    return Object.keys(data).sort()
  })
  await step('upload', async () => (await app.uploadFile({ cloudPath: 'a|b测试 1.txt', fileContent: Buffer.from('x'.repeat(300000)) })).fileID)
  const fileID = results.upload
  await step('links', async () => (await app.getTempFileURL({ fileList: [fileID, { fileID, maxAge: 60 }, `cloud://${space}.elsewhere/1.jpg`] })).fileList.map(({ code, maxAge }) => ({ code, maxAge })))
  await step('download', async () => (await app.downloadFile({ fileID })).fileContent.length)
  if (app.copyFile) {
    await step('copy', async () => (await app.copyFile({ fileList: [{ srcPath: 'a|b测试 1.txt', dstPath: 'copies/a|b测试 1.txt' }] })).fileList || 'done')
  }
  if (app.getFileInfo) {
    await step('info', async () => (await app.getFileInfo({ fileList: [fileID] })).fileList.map(({ code, size }) => ({ code, size })))
  }
  await step('delete', async () => (await app.deleteFile({ fileList: [fileID, fileID] })).fileList.map(({ code }) => code))
  await step('foreign file', async () => (await app.getTempFileURL({ fileList: ['cloud://elsewhere.x/1.jpg'] })).fileList[0].code)
}

async function rest() {
  await step('missing function', () => app.callFunction({ name: 'nothing', data: { a: 1 } }))
  await step('open api', async () => (await app.callWxOpenApi({ apiName: 'wxacode.get', requestData: { a: 1 } })).result.errcode ?? 'image')
  await step('user', () => app.auth().getEndUserInfo('nobody-with-this-id'))
  if (old) await step('newer signature', async () => typeof (await tcb.init({ ...options, signMethod: 'v3' }).database().collection('items').count()).total)
  await step('foreign environment', () => tcb.init({ ...options, env: 'elsewhere' }).database().collection('items').get())
  await step('wrong key', () => tcb.init({ ...options, secretKey: 'wrong' }).database().collection('items').get())
  await step('unknown key', () => tcb.init({ ...options, secretId: 'AKIDunknown' }).database().collection('items').get())
}

async function main() {
  const db = app.database()
  await documents(db, db.command)
  await aggregation(db, db.command)
  await transactions(db, db.command)
  await storage()
  await rest()
  results.old = old
}

main().then(
  () => process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0)), // idle connections would keep it alive
  (error) => { console.error(error); process.exit(1) },
)
