'use strict'
// node ali_mini.js '{"platform","endpoint","spaceId","clientSecret","appId","collection","png"}': drives the mini-program SDK.

const { exchange, loadSdk, record } = require('./ali_platform.js')

const options = JSON.parse(process.argv[2])
const { MPServerless, platformObject } = loadSdk(options.platform, 'code-of-tom', '@alicloud/mpserverless-sdk')
const keys = { appId: options.appId, spaceId: options.spaceId, clientSecret: options.clientSecret, endpoint: options.endpoint }
const mp = new (MPServerless.default || MPServerless)(platformObject, keys)
const things = mp.db.collection(options.collection)
const when = new Date(1700000000123)
const value = (results, name) => results[name].value

record({
  beforeAuthorize: () => mp.user.getInfo(),
  anonymous: () => mp.init({ authorType: 'anonymous' }),
  anonymousInfo: () => mp.user.getInfo(),
  anonymousAgain: () => mp.user.authorize({ authType: 'anonymous' }),
  anonymousInfoAgain: () => mp.user.getInfo(),
  provider: () => mp.init(),
  info: () => mp.user.getInfo(),

  async expiredToken () {
    mp.user.accessToken = 'at_000000000000000000000000expired'
    const again = await mp.user.getInfo()
    return { renewed: mp.user.accessToken !== 'at_000000000000000000000000expired', userId: again.result.user.userId }
  },
  wrongSecret: () => new (MPServerless.default || MPServerless)(platformObject, { ...keys, clientSecret: 'wrong' }).init({ authorType: 'anonymous' }),
  wrongSpace: () => new (MPServerless.default || MPServerless)(platformObject, { ...keys, spaceId: 'nowhere' }).init({ authorType: 'anonymous' }),

  insertOne: () => things.insertOne({ name: 'tom', age: 1, when, nested: { a: [1, { b: 2 }] }, nul: null, flag: false, zero: 0, empty: '' }),
  findById: (r) => things.findOne({ _id: value(r, 'insertOne').result.insertedId }),
  whenIsDate: (r) => value(r, 'findById').result.when instanceof Date,
  insertMany: () => things.insertMany([{ name: 'jerry', age: 20, tag: 'x' }, { name: 'jerry', age: 30, tag: 'y' }, { name: 'ann', age: 40, tag: 'x' }]),
  find: () => things.find({ age: { $gt: 18 } }, { projection: { name: 1 }, limit: 2, skip: 1, sort: { age: 1 } }),
  findAll: () => things.find(),
  findDate: () => things.find({ when: { $gte: new Date(1600000000000) } }),
  findRegex: () => things.find({ name: { $regex: 'JER', $options: 'i' } }),
  findIds: (r) => things.find({ _id: { $in: Object.values(value(r, 'insertMany').result) } }),
  findOneNone: () => things.findOne({ name: 'nobody' }),
  count: () => things.count({ age: { $gt: 18 } }),
  countOptions: () => things.count({ age: { $gt: 18 } }, { limit: 2, skip: 1, maxTimeMS: 500 }),
  distinct: () => things.distinct('name', { age: { $gt: 18 } }),
  aggregate: () => things.aggregate([{ $match: { age: { $gt: 1 } } }, { $group: { _id: '$name', n: { $sum: 1 } } }, { $sort: { _id: 1 } }]),
  updateOne: () => things.updateOne({ name: 'jerry' }, { $set: { age: 21 } }),
  updateNone: () => things.updateOne({ name: 'nobody' }, { $set: { age: 21 } }),
  upsert: () => things.updateOne({ name: 'ups' }, { $set: { age: 5 } }, { upsert: true }),
  afterUpsert: () => things.find({ name: 'ups' }),
  updateMany: () => things.updateMany({ tag: 'x' }, { $inc: { age: 1 } }),
  replaceOne: () => things.replaceOne({ name: 'ups' }, { name: 'rep', v: 1 }),
  findOneAndUpdate: () => things.findOneAndUpdate({ name: 'rep' }, { $set: { v: 2 } }, { sort: { v: 1 }, projection: { v: 1 } }),
  findOneAndUpdateNew: () => things.findOneAndUpdate({ name: 'rep' }, { $set: { v: 3 } }, { returnNewDocument: true }),
  findOneAndReplace: () => things.findOneAndReplace({ name: 'rep' }, { name: 'rep2', v: 9 }),
  findOneAndDelete: () => things.findOneAndDelete({ name: 'rep2' }),
  findOneAndDeleteNone: () => things.findOneAndDelete({ name: 'rep2' }),
  deleteOne: () => things.deleteOne({ name: 'ann' }),
  deleteMany: () => things.deleteMany({ name: 'jerry' }),
  withoutOperators: () => things.updateOne({ name: 'tom' }, { plain: 1 }),

  async rolledBack () {
    const transaction = await mp.db.startTransaction()
    await transaction.collection(options.collection).insertOne({ name: 'intx' })
    const inside = await transaction.collection(options.collection).findOne({ name: 'intx' })
    await transaction.rollback()
    return { inside: inside.affectedDocs, after: (await things.findOne({ name: 'intx' })).result }
  },
  async committed () {
    const transaction = await mp.db.startTransaction()
    await transaction.collection(options.collection).insertOne({ name: 'intx2' })
    const outside = await things.findOne({ name: 'intx2' })
    await transaction.commit()
    return { before: outside.result, after: (await things.findOne({ name: 'intx2' })).affectedDocs }
  },

  upload: () => mp.file.uploadFile({ filePath: options.png, headers: { contentDisposition: 'inline' }, meta: { a: '1' } }),
  async download (r) {
    const answer = await exchange(value(r, 'upload').fileUrl, { method: 'GET' })
    return { status: answer.status, type: answer.headers['content-type'], meta: answer.headers['x-oss-meta-a'], cache: answer.headers['cache-control'], bytes: answer.body.toString('base64') }
  },
  fileInfo: (r) => mp.file.info(value(r, 'upload').fileId),
  cloudPath: () => mp.file.uploadFile({ filePath: options.png, cloudPath: `/static/${options.platform}.png` }),
  deleteFile: (r) => mp.file.deleteFile(value(r, 'upload').fileUrl),
  async downloadDeleted (r) {
    return (await exchange(value(r, 'upload').fileUrl, { method: 'GET' })).status
  },
  deleteMissing: (r) => mp.file.deleteFile(value(r, 'upload').fileUrl),

  lastInfo: () => mp.user.getInfo(),
  whoami: () => mp.function.invoke('whoami'),
  echo: () => mp.function.invoke('echo', { a: 1, s: '中文 & = %', n: null, d: new Date(0) }),
  sum: () => mp.function.invoke('sum', { a: 1, b: 1 }),
  str: () => mp.function.invoke('str'),
  nul: () => mp.function.invoke('nul'),
  arr: () => mp.function.invoke('arr'),
  undef: () => mp.function.invoke('undef'),
  boom: () => mp.function.invoke('boom'),
  hoist: () => mp.function.invoke('hoist'),
  missingFunction: () => mp.function.invoke('nope', {}),
  forward: () => mp.network.forward('x.test.forward', { k: 1 })
}).then((results) => console.log(JSON.stringify(results)))
