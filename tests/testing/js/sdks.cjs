'use strict'
// The clouds' own server SDKs, with the keys of a test cloud: node sdks.cjs, in a folder that has `yunbox` and the SDKs.

const { startCloud } = require('yunbox/testing')

async function main () {
  const cloud = await startCloud()
  const { endpoint, spaceId, keys } = cloud
  const MPServerless = require('@alicloud/mpserverless-node-sdk').default
  const mp = new MPServerless({ spaceId, serverSecret: keys.serverPrivateKey, endpoint })
  await mp.db.collection('notes').insertOne({ text: 'from mpserverless' })
  await cloud.advance(40 * 86400)
  await mp.db.collection('notes').insertOne({ text: 'later' })
  const tcb = require('cloudbase-node-sdk-3.18.3')
  const { secretId, secretKey } = keys
  const app = tcb.init({ secretId, secretKey, env: spaceId, serviceUrl: `${endpoint}/admin`, region: 'ap-shanghai' })
  const { data } = await app.database().collection('notes').get()
  console.log(JSON.stringify({ texts: data.map(note => note.text) }))
}

main()
