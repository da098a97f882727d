'use strict'
// node ali_two_users.js '{"endpoint","spaces":[{spaceId,clientSecret} x 2],"png"}': what one user may do to another's things.

const { loadSdk, record } = require('./ali_platform.js')

const { endpoint, spaces, png } = JSON.parse(process.argv[2])
const { MPServerless, platformObject } = loadSdk('wx', 'unused', '@alicloud/mpserverless-sdk')
const user = (space) => new (MPServerless.default || MPServerless)(platformObject, { appId: 'app-1', endpoint, ...space })
const [ann, bob, eve] = [user(spaces[0]), user(spaces[0]), user(spaces[1])]
const secrets = (mp) => mp.db.collection('secrets')

record({
  ann: () => ann.init({ authorType: 'anonymous' }),
  bob: () => bob.init({ authorType: 'anonymous' }),
  eve: () => eve.init({ authorType: 'anonymous' }),
  made: () => secrets(ann).insertOne({ secret: 1 }),
  upload: () => ann.file.uploadFile({ filePath: png }),
  found: () => secrets(bob).find(),
  count: () => secrets(bob).count({}),
  aggregate: () => secrets(bob).aggregate([{ $match: {} }]),
  update: () => secrets(bob).updateMany({}, { $set: { secret: 2 } }),
  remove: () => secrets(bob).deleteMany({}),
  deleteFile: (results) => bob.file.deleteFile(results.upload.value.fileUrl),
  elsewhere: () => secrets(eve).find(),
  mine: () => secrets(ann).find()
}).then((results) => console.log(JSON.stringify(results)))
