'use strict'
// Provokes every error of the server through a server SDK: node errors.js PACKAGE CONFIG
// CONFIG: {endpoint, space, secretId, secretKey}; the space has a collection `items`. Prints {row: {code, number, message} or {result}}.

const [, , name, text] = process.argv
const config = JSON.parse(text)
const isWx = name.startsWith('wx-server-sdk')
Object.assign(process.env, { TENCENTCLOUD_RUNENV: 'SCF', TENCENTCLOUD_SECRETID: config.secretId, TENCENTCLOUD_SECRETKEY: config.secretKey, TENCENTCLOUD_REGION: 'ap-shanghai', TENCENTCLOUD_SESSIONTOKEN: 'unused', TCB_ENV: config.space, SCF_NAMESPACE: config.space, TCB_CONTEXT_KEYS: 'TCB_ENV' })
const sdk = require(name)
const made = sdk.init({ env: config.space, serviceUrl: `${config.endpoint}/admin` })
const cloud = isWx ? sdk : made
const db = cloud.database()
const _ = db.command
const data = (value) => (isWx ? { data: value } : value)
const items = db.collection('items')
const point = (longitude, latitude) => ({ type: 'Point', coordinates: [longitude, latitude] })

const conflict = async () => {
  const [one, two] = [await db.startTransaction(), await db.startTransaction()]
  const write = (transaction, n) => transaction.collection('items').doc('a').update(data({ n }))
  await write(one, 10)
  try {
    return await write(two, 20)
  } finally {
    await one.rollback()
    await two.rollback()
  }
}

const afterEnd = async () => {
  const transaction = await db.startTransaction()
  await transaction.rollback()
  return transaction.collection('items').doc('a').update(data({ n: 1 }))
}

const rows = {
  'collection exists': () => db.createCollection('items'),
  'collection name': () => db.createCollection('a$b'),
  'no collection': () => db.collection('nowhere').get(),
  'no collection to write to': () => db.collection('nowhere').add(data({ a: 1 })),
  'no collection to aggregate': () => db.collection('nowhere').aggregate().match({ a: 1 }).end(),
  'duplicate id': () => items.add(data({ _id: 'a' })),
  'unknown query operator': () => items.where({ n: { $nonsense: 1 } }).get(),
  'unknown stage operator': () => items.aggregate().project({ n: { $nonsense: 1 } }).end(),
  'unknown group operator': () => items.aggregate().group({ _id: null, n: { $nonsense: '$n' } }).end(),
  'operator of the wrong type': () => items.doc('a').update(data({ t: _.inc(1) })),
  'list operator on a number': () => items.doc('a').update(data({ n: _.push(1) })),
  'a changed id': () => items.doc('a').update(data({ _id: 'b' })),
  'a field name with $': () => items.add(data({ $a: 1 })),
  'a place outside the earth': () => items.add(data({ loc: point(500, 0) })),
  'division by zero': () => items.aggregate().project({ n: _.aggregate.divide([1, 0]) }).end(),
  'a conflict': conflict,
  'after the end of a transaction': afterEnd,
  'too large a request': () => items.add(data({ text: 'x'.repeat(1_100_000) })),
  'no function': () => cloud.callFunction({ name: 'nothing' }),
  'a function that throws': () => cloud.callFunction({ name: 'fails' }),
  'a function that takes too long': () => cloud.callFunction({ name: 'slow' }),
  'no file': () => cloud.downloadFile({ fileID: `cloud://${config.space}.x/none.txt` }),
  'a file name without sense': () => cloud.uploadFile({ cloudPath: '/../x', fileContent: Buffer.from('x') }),
  'too many files': () => cloud.getTempFileURL({ fileList: Array.from({ length: 51 }, (none, n) => `cloud://${config.space}.x/${n}`) }),
}

async function outcome (run) {
  try {
    const result = await run()
    return result && result.code && result.code !== 'SUCCESS' ? { code: result.code, message: result.message } : { result: JSON.stringify(result) }
  } catch (error) {
    return { code: error.code, number: error.errCode, message: error.errMsg || error.message }
  }
}

async function main () {
  await items.doc('a').set(data({ n: 1, t: 'text' }))
  const told = {}
  for (const [title, run] of Object.entries(rows)) told[title] = await outcome(run)
  return told
}

main().then(
  (told) => process.stdout.write(`${JSON.stringify(told)}\n`, () => process.exit(0)), // idle connections would keep it alive
  (error) => { console.error(error); process.exit(1) },
)
