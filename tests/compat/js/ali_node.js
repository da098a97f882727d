'use strict'
// node ali_node.js '{"sdk","endpoint","spaceId","serverSecret","collection","png","userId"}': drives the server SDK.

const { exchange, record } = require('./ali_platform.js')
const fs = require('node:fs')

const options = JSON.parse(process.argv[2])
const MPServerless = require(options.sdk).default
const keys = { spaceId: options.spaceId, serverSecret: options.serverSecret, endpoint: options.endpoint }
const mp = new MPServerless(keys)
const things = mp.db.collection(options.collection)
const value = (results, name) => results[name].value

record({
  adminInfo: () => mp.user.getInfo(),
  userInfo: () => new MPServerless(keys).setUserId(options.userId).user.getInfo(),
  insertOne: () => things.insertOne({ name: 'tom', when: new Date(1700000000123) }),
  insertMany: () => things.insertMany([{ name: 'a', n: 1 }, { name: 'b', n: 2 }]),
  find: () => things.find({ n: { $gt: 0 } }, { sort: { n: -1 } }),
  findOne: (r) => things.findOne({ _id: value(r, 'insertOne').result.insertedId }),
  count: () => things.count({}),
  distinct: () => things.distinct('name', {}),
  aggregate: () => things.aggregate([{ $group: { _id: null, total: { $sum: '$n' } } }]),
  updateMany: () => things.updateMany({ n: { $exists: true } }, { $inc: { n: 1 } }),
  replaceOne: () => things.replaceOne({ name: 'a' }, { name: 'a2' }),
  findOneAndUpdate: () => things.findOneAndUpdate({ name: 'b' }, { $set: { n: 9 } }, { returnNewDocument: true }),
  deleteMany: () => things.deleteMany({ name: { $in: ['a2', 'b'] } }),
  async transaction () {
    const transaction = await mp.db.startTransaction()
    await transaction.collection(options.collection).insertOne({ name: 'tx' })
    await transaction.commit()
    return (await things.findOne({ name: 'tx' })).affectedDocs
  },

  upload: () => mp.file.uploadFile({ filePath: options.png, fileName: 'pic.png' }),
  uploadBuffer: () => mp.file.uploadFile({ fileBuffer: Buffer.from('abc'), fileName: 'b.txt', cloudPath: '/x/b.txt' }),
  async download (r) {
    const answer = await exchange(value(r, 'upload').fileUrl, { method: 'GET' })
    return { status: answer.status, same: answer.body.equals(fs.readFileSync(options.png)) }
  },
  fileInfo: (r) => mp.file.info(value(r, 'uploadBuffer').fileId),
  uploadOptions: () => mp.file.getUploadFileOptions({ filePath: options.png, fileName: 'b.png' }),
  deleteFile: (r) => mp.file.deleteFile(value(r, 'upload').fileId),
  sum: () => mp.function.invoke('sum', { a: 1, b: 2 }),
  stored: () => mp.function.invoke('stored', {}),
  missingFunction: () => mp.function.invoke('nope', {}),
  redis: () => mp.user.redisCli(['set a 1']),
  proxy: () => mp.httpProxyClient.get('http://127.0.0.1/'),
  billing: () => mp.user.report({ FCCost: 1, FCRequestCount: 1, FCTXTraffic: 1 })
}).then((results) => console.log(JSON.stringify(results)))
