// One scenario for every wx-server-sdk.
// Outside functions: node wx_server.js PACKAGE CONFIG, CONFIG = {endpoint, space, secretId, secretKey}; prints one JSON
// object: {step: result or {error}}. Inside a function: `exports.main = require('./wx_server').inside(PACKAGE)`.
const hardCoded = 'an-environment-of-the-author'
let cloud, endpoint, space, results

function prepare(config) {
  Object.assign(process.env, {
    TENCENTCLOUD_SECRETID: config.secretId,
    TENCENTCLOUD_SECRETKEY: config.secretKey,
    TENCENTCLOUD_RUNENV: 'SCF',
    TENCENTCLOUD_SESSIONTOKEN: 'unused',
    TENCENTCLOUD_REGION: 'ap-shanghai',
    SCF_NAMESPACE: config.space,
    TCB_ENV: config.space,
    TCB_CONTEXT_CNFG: JSON.stringify({ URL: `${config.endpoint}/admin`, TCB_SDK_GRAY_0: true }),
    TCB_CONTEXT_KEYS: 'TCB_ENV,TCB_CONTEXT_CNFG',
  })
  delete process.env.KUBERNETES_SERVICE_HOST
  endpoint = config.endpoint
  space = config.space
}

function plain(value) {
  return JSON.parse(JSON.stringify(value === undefined ? null : value))
}

async function step(title, run) {
  try {
    results[title] = plain(await run())
  } catch (error) {
    results[title] = { error: error.errCode || error.code || -1, code: error.code, message: String(error.errMsg || error.message) }
  }
}

async function documents(db, _) {
  await step('create', () => db.createCollection('todos'))
  await step('create again', () => db.createCollection('todos'))
  const todos = db.collection('todos')
  const at = new Date(1700000000000)
  await step('add', async () => {
    const { _id } = await todos.add({ data: { title: 'a', n: 1, f: 1.5, big: 1234567890123, tags: ['x', { y: 2 }], o: { p: { q: 1 } }, at, nothing: null, 文: '值' } })
    const { data } = await todos.doc(_id).get()
    return { kind: typeof _id, isDate: data.at instanceof Date, same: data._id === _id, data: { ...data, _id: 0 } }
  })
  await step('add with id', () => todos.add({ data: { _id: 'fixed', title: 'b', n: 2, o: { p: 1, q: 2 } } }))
  await step('add same id', () => todos.add({ data: { _id: 'fixed' } }))
  await step('get missing doc', () => todos.doc('nobody').get())
  await step('get missing collection', () => db.collection('nowhere').get())
  await step('update', async () => {
    const done = await todos.doc('fixed').update({ data: { o: { p: 9 }, n: _.inc(5), tags: _.push(['t']) } })
    return { done, data: (await todos.doc('fixed').get()).data }
  })
  await step('update missing', () => todos.doc('nobody').update({ data: { a: 1 } }))
  await step('set existing', () => todos.doc('fixed').set({ data: { title: 'c', n: 3 } }))
  await step('set new', () => todos.doc('made').set({ data: { title: 'd', n: 4 } }))
  await step('where', async () => (await todos.where({ n: _.gt(1).and(_.lt(10)) }).orderBy('n', 'desc').skip(0).limit(2).field({ n: true, _id: false }).get()).data)
  await step('where nested', async () => (await todos.where({ o: { p: { q: 1 } } }).get()).data.length)
  await step('where date', async () => (await todos.where({ at: _.lte(at) }).get()).data.length)
  await step('where regex', async () => (await todos.where({ title: db.RegExp({ regexp: '^C', options: 'i' }) }).get()).data.length)
  await step('where or', async () => (await todos.where(_.or([{ n: 3 }, { title: 'a' }])).count()).total)
  await step('where in', async () => (await todos.where({ _id: _.in(['fixed', 'made']) }).count()).total)
  await step('update many', () => todos.where({ n: _.gt(0) }).update({ data: { done: true } }))
  await step('server date', async () => {
    const before = Date.now()
    const { _id } = await todos.add({ data: { a: db.serverDate(), b: db.serverDate({ offset: 60000 }) } })
    const { data } = await todos.doc(_id).get()
    return { near: Math.abs(data.a - before) < 5000, apart: data.b - data.a }
  })
  await step('geo', async () => {
    await todos.add({ data: { _id: 'geo', p: new db.Geo.Point(113, 23) } })
    const { data } = await todos.doc('geo').get()
    return [data.p.longitude, data.p.latitude]
  })
  await step('remove', () => todos.doc('geo').remove())
  await step('remove many', () => todos.where({ n: _.gt(3) }).remove())
  await step('remove without where', () => todos.remove ? todos.remove() : Promise.reject(new Error('no method')))
  await step('count', () => todos.count())
}

async function aggregation(db, _) {
  const $ = _.aggregate
  const sales = db.collection('sales')
  await db.createCollection('sales')
  for (const [item, price, at] of [['a', 10, 1], ['b', 20, 2], ['a', 5, 3]]) {
    await sales.add({ data: { _id: `s${at}`, item, price, at: new Date(at * 1000) } })
  }
  await step('group', async () => (await sales.aggregate().group({ _id: '$item', total: $.sum('$price'), count: $.sum(1) }).sort({ _id: 1 }).end()).list)
  await step('match', async () => (await sales.aggregate().match({ price: _.gte(10) }).sort({ price: -1 }).limit(1).project({ price: 1 }).end()).list)
  await step('match date', async () => {
    const { list } = await sales.aggregate().match({ at: _.gt(new Date(1500)) }).sort({ at: 1 }).end()
    return { count: list.length, isDate: list[0].at instanceof Date }
  })
  await step('lookup', async () => (await db.collection('sales').aggregate().limit(1).lookup({ from: 'sales', localField: 'item', foreignField: 'item', as: 'same' }).end()).list[0].same.length)
}

async function transactions(db, _) {
  const accounts = db.collection('accounts')
  await db.createCollection('accounts')
  await accounts.add({ data: { _id: 'a', money: 100 } })
  await accounts.add({ data: { _id: 'b', money: 0 } })
  await step('transaction', async () => {
    await db.runTransaction(async (transaction) => {
      const { data } = await transaction.collection('accounts').doc('a').get()
      await transaction.collection('accounts').doc('a').update({ data: { money: data.money - 10 } })
      await transaction.collection('accounts').doc('b').update({ data: { money: _.inc(10) } })
      await transaction.collection('accounts').add({ data: { _id: 'log', amount: 10 } })
    })
    return (await accounts.orderBy('_id', 'asc').get()).data
  })
  await step('rollback', async () => {
    const transaction = await db.startTransaction()
    await transaction.collection('accounts').doc('a').update({ data: { money: 0 } })
    await transaction.rollback('changed my mind').catch(() => {})
    return (await accounts.doc('a').get()).data
  })
}

async function storage() {
  await step('upload', () => cloud.uploadFile({ cloudPath: '目录 a/f.txt', fileContent: Buffer.from('hello 你好') }))
  const { fileID } = results.upload
  await step('links', async () => {
    const { fileList } = await cloud.getTempFileURL({ fileList: [fileID, `${fileID}.missing`] })
    return fileList.map(({ status, errMsg, fileID }) => ({ status, errMsg, fileID }))
  })
  await step('download', async () => (await cloud.downloadFile({ fileID })).fileContent.toString())
  await step('download missing', () => cloud.downloadFile({ fileID: `${fileID}.missing` }))
  await step('delete', async () => (await cloud.deleteFile({ fileList: [fileID, `${fileID}.missing`] })).fileList)
  await step('upload bad path', () => cloud.uploadFile({ cloudPath: '/absolute', fileContent: Buffer.from('x') }))
}

async function functions() {
  await step('call missing function', () => cloud.callFunction({ name: 'nothing', data: { a: 1 } }))
  await step('call', () => cloud.callFunction({ name: 'echo', data: { a: 1, s: '文' } }))
}

async function openApi() {
  const { openapi } = cloud
  await step('open api', () => openapi.security.msgSecCheck({ content: 'hi', deepObj: { camelCase: 1 } }))
  await step('open api picture', async () => {
    const { contentType, buffer } = await openapi.wxacode.get({ path: 'p', width: 430 })
    return [contentType, buffer.slice(1, 4).toString()]
  })
  await step('open api with a file', () => openapi.security.imgSecCheck({ media: { contentType: 'image/png', value: Buffer.from('png') } }))
  if (cloud.getOpenData) await step('open data', async () => (await cloud.getOpenData({ list: ['cid-1', 'cid-2'] })).list.map((item) => item.cloudID))
  if (cloud.getVoIPSign) await step('voip', async () => typeof (await cloud.getVoIPSign({ groupId: 'g', nonce: 'n', timestamp: 1 })).signature)
  if (cloud.cloudPay) await step('pay', async () => {
    const order = await cloud.cloudPay.unifiedOrder({ body: 'x', outTradeNo: '1', totalFee: 1, subMchId: '1', spbillCreateIp: '127.0.0.1', envId: 'e', functionName: 'pay' })
    return [order.returnCode, order.outTradeNo, typeof order.payment.paySign]
  })
}

async function refusals() {
  await step('foreign environment', () => cloud.database({ env: 'another-env' }).collection('todos').get())
  const secretKey = process.env.TENCENTCLOUD_SECRETKEY
  process.env.TENCENTCLOUD_SECRETKEY = 'wrong'
  cloud.init({ env: space, serviceUrl: `${endpoint}/admin` })
  await step('wrong key', () => cloud.database().collection('todos').get())
  process.env.TENCENTCLOUD_SECRETKEY = secretKey
}

async function run() {
  results = {}
  const db = cloud.database()
  const _ = db.command
  await documents(db, _)
  if (_.aggregate) await aggregation(db, _)
  if (db.runTransaction) await transactions(db, _)
  await storage()
  await functions()
  await openApi()
}

exports.inside = (name) => {
  cloud = require(name)
  cloud.init({ env: hardCoded })
  return async () => {
    await run()
    return { ...results, context: cloud.getWXContext() }
  }
}

async function main(name, config) {
  prepare(config)
  cloud = require(name)
  cloud.init({ env: space, serviceUrl: `${endpoint}/admin` })
  await run()
  await refusals()
}

if (require.main === module) {
  main(process.argv[2], JSON.parse(process.argv[3])).then(
    () => process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0)), // idle connections would keep it alive
    (error) => { console.error(error); process.exit(1) },
  )
}
