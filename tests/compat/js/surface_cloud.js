'use strict'
// Rows for files, functions, WeChat's APIs, users and whatever else an SDK offers.

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const text = (answer) => (Buffer.isBuffer(answer) ? String(answer) : JSON.stringify(answer))
const refused = (result) => result !== null && result.error !== undefined

exports.groups = (sdk) => [...fileRows(sdk), ...functionRows(sdk), ...watchRows(sdk), ...(sdk.kind === 'wx' ? wechatRows(sdk) : relayRows(sdk)), ...otherRows(sdk)]

function fileRows ({ cloud, space, within, kind }) {
  const link = async (fileList) => { const done = await cloud.getTempFileURL({ fileList }); return done.fileList || done }
  const good = (item) => (item.status === 0 || item.code === 'SUCCESS') && /^https?:/.test(item.tempFileURL)
  const missing = (item) => item.status === -503003 || item.code === 'STORAGE_FILE_NONEXIST'
  let id
  const rows = [
    ['uploadFile', async () => { id = (await cloud.uploadFile({ cloudPath: '目录 a/f|1.txt', fileContent: Buffer.from('hello 你好') })).fileID; return id }, (result) => new RegExp(`^cloud://${space}\\.[^/]+/目录 a/f\\|1\\.txt$`).test(result)],
    ['uploadFile of a stream', async () => {
      const file = path.join(os.tmpdir(), `surface-${process.pid}.bin`)
      fs.writeFileSync(file, Buffer.alloc(70_000, 'a'))
      const stored = await cloud.uploadFile({ cloudPath: 's.bin', fileContent: fs.createReadStream(file) })
      return (await cloud.downloadFile({ fileID: stored.fileID })).fileContent.length
    }, 70_000],
    ['getTempFileURL', async () => good((await link([id]))[0]), true],
    ['getTempFileURL with maxAge', async () => { const [item] = await link([{ fileID: id, maxAge: 60 }]); return good(item) && (item.maxAge === undefined || item.maxAge === 60) }, true],
    ['getTempFileURL of nobody', async () => missing((await link([id.replace('f|1', 'other')]))[0]), true],
    ['getTempFileURL of too many', () => link(Array.from({ length: 51 }, () => id)), (result) => refused(result)],
    ['getTempFileURL of nothing', () => link([]), (result) => refused(result) || result.length === 0],
    ['downloadFile', async () => (await cloud.downloadFile({ fileID: id })).fileContent.toString(), 'hello 你好'],
    ['downloadFile of nobody', () => cloud.downloadFile({ fileID: id.replace('f|1', 'other') }), new Set([{ error: 'STORAGE_FILE_NONEXIST' }, { error: -503003 }])],
    ['a file of another space', async () => { const [item] = await link(['cloud://elsewhere.x/1.jpg']); return within ? missing(item) : !good(item) }, true],
  ]
  const more = [
    ['getUploadMetadata', async () => Object.keys((await cloud.getUploadMetadata({ cloudPath: 'm.txt' })).data).filter((key) => ['authorization', 'cosFileId', 'fileId', 'token', 'url'].includes(key)).length, 5],
    ['getFileAuthority', async () => {
      const { data } = await cloud.getFileAuthority({ fileList: [{ path: 's.bin', type: 'file' }] })
      return [data[0].path, data[0].read, data[0].write]
    }, (result) => refused(result) || result[0] === 's.bin'],
  ]
  const copying = [['copyFile', async () => {
    const { fileList } = await cloud.copyFile({ fileList: [{ srcPath: 's.bin', dstPath: 'copies/s.bin' }] })
    return (await cloud.downloadFile({ fileID: fileList[0].fileId })).fileContent.length
  }, 70_000]]
  const info = [['getFileInfo', async () => (await cloud.getFileInfo({ fileList: [id] })).fileList.map(({ code, size }) => [code, Number(size)]), [['SUCCESS', 12]]]]
  const removal = [['deleteFile', async () => (await cloud.deleteFile({ fileList: [id, id.replace('f|1', 'other')] })).fileList.map((item) => item.status ?? item.code), new Set([[0, -503003], ['SUCCESS', 'STORAGE_FILE_NONEXIST']])]]
  return [
    { title: 'files', has: true, rows },
    { title: 'file tickets', has: kind !== 'wx' && Boolean(cloud.getFileAuthority), rows: more },
    { title: 'file copies', has: Boolean(cloud.copyFile), rows: copying },
    { title: 'file information', has: Boolean(cloud.getFileInfo), rows: info },
    { title: 'file removal', has: true, rows: removal },
  ]
}

function functionRows ({ cloud }) {
  const call = (data, more) => cloud.callFunction({ name: 'echo', data, ...more })
  const failure = (code) => (result) => result === null || [code, -501001, -504002, undefined].includes(result.error) || result.result === undefined
  return [{
    title: 'functions',
    has: true,
    rows: [
      ['callFunction', async () => (await call({ a: 1, s: '文' })).result, { got: { a: 1, s: '文' } }],
      ['without data', async () => (await cloud.callFunction({ name: 'echo' })).result.got, {}],
      ['a text', async () => (await call({ give: 'text' })).result, 'plain text'],
      ['null', async () => (await call({ give: 'null' })).result ?? null, null],
      ['a list', async () => (await call({ give: 'list' })).result, [1, [2]]],
      ['with a qualifier', async () => (await call({ a: 1 }, { qualifier: '$LATEST' })).result.got, { a: 1 }],
      ['with a time-out', async () => (await cloud.callFunction({ name: 'echo', data: { a: 2 } }, { timeout: 20_000 })).result.got, { a: 2 }],
      ['that throws', () => call({ give: 'error' }), failure('FUNCTIONS_EXECUTE_FAIL')],
      ['that is missing', () => cloud.callFunction({ name: 'nothing' }), failure('FUNCTION_NOT_FOUND')],
      ['without a name', () => cloud.callFunction({ name: '' }), failure('INVALID_PARAM')],
    ],
  }]
}

function watchRows ({ db, data, kind }) {
  const main = db.collection('surface')
  // Before about 3.10 the SDKs lose the environment on the way to a watch and throw `ws login info reset`.
  const has = kind === 'node' && Boolean(db.config && db.config.env) && prepareSockets()
  /** What a watch tells, one after the other, while `work` is done after its first event. */
  const told = (query, work) => new Promise((resolve, reject) => {
    const events = []
    const watcher = query.watch({
      onChange: ({ type, docs, docChanges }) => {
        events.push([type || 'change', docs.length, docChanges.map((change) => change.dataType)])
        if (events.length === 1) work().catch(reject)
        if (events.length === 2) { watcher.close(); resolve(events) }
      },
      onError: reject,
    })
  })
  const write = async () => { await main.doc('watched').set(data({ n: 1, watched: true })) }
  const again = async () => { await main.doc('watched').update(data({ n: 2 })) }
  const away = async () => { await main.doc('watched').remove() }
  return [{
    title: 'watching',
    has,
    rows: [
      ['query.watch', () => told(main.where({ watched: true }), write), [['init', 0, []], ['change', 1, ['add']]]],
      ['document.watch', () => told(main.doc('watched'), again), (events) => events[0][1] === 1 && events[1][2][0] === 'update'],
      ['collection.watch', () => told(main, away), (events) => events[0][1] - events[1][1] === 1 && events[1][2][0] === 'remove'],
    ],
  }]
}

/** The SDKs use the global WebSocket, which Node has from version 22 on. */
function prepareSockets () {
  globalThis.WebSocket ??= require('ws')
  return true
}

function wechatRows ({ cloud }) {
  const has = (name) => name in cloud
  const openapi = cloud.openapi
  return [
    {
      title: 'open data',
      has: has('getOpenData'),
      rows: [
        ['getOpenData', async () => (await cloud.getOpenData({ list: ['cid-1', 'cid-2'] })).list.map((item) => item.cloudID || item), (result) => result.length === 2],
        ['getVoIPSign', async () => typeof (await cloud.getVoIPSign({ groupId: 'g', nonce: 'n', timestamp: 1 })).signature, 'string'],
        ['callOpenAPI', async () => (await cloud.callOpenAPI({ api: 'security.msgSecCheck', data: { content: 'x' } })), (result) => result !== null],
      ],
    },
    {
      title: 'open API',
      has: has('openapi'),
      rows: [
        ['security.msgSecCheck', async () => (await openapi.security.msgSecCheck({ content: 'hello', openid: 'o', scene: 1, version: 2 })).errCode, 0],
        ['security.imgSecCheck', async () => (await openapi.security.imgSecCheck({ media: { contentType: 'image/png', value: Buffer.from('picture') } })).errCode, 0],
        ['wxacode.getUnlimited', async () => { const done = await openapi.wxacode.getUnlimited({ scene: 'a=1' }); return [done.contentType, Buffer.isBuffer(done.buffer)] }, ['image/png', true]],
        ['subscribeMessage.send', async () => (await openapi.subscribeMessage.send({ touser: 'o', templateId: 't', data: { thing1: { value: 'x' } } })).errCode, 0],
        ['templateMessage.send', async () => (await openapi.templateMessage.send({ touser: 'o' })).errCode, new Set([0, { error: -604100 }])],
      ],
    },
    { title: 'cloud call signatures', has: has('getCloudCallSign'), rows: [['getCloudCallSign', async () => typeof (await cloud.getCloudCallSign({ list: ['a'] })), 'object']] },
    {
      title: 'cloud pay',
      has: has('cloudPay'),
      rows: [
        ['unifiedOrder', async () => { const done = await cloud.cloudPay.unifiedOrder({ body: 'x', outTradeNo: '1', spbillCreateIp: '127.0.0.1', subMchId: '1900000109', totalFee: 1 }); return [done.returnCode, done.resultCode, typeof done.payment.paySign] }, ['SUCCESS', 'SUCCESS', 'string']],
        ['queryOrder', async () => (await cloud.cloudPay.queryOrder({ subMchId: '1', outTradeNo: '1' })).outTradeNo, '1'],
        ['closeOrder', async () => (await cloud.cloudPay.closeOrder({ subMchId: '1', outTradeNo: '1' })).returnCode, 'SUCCESS'],
        ['refund', async () => (await cloud.cloudPay.refund({ subMchId: '1', outTradeNo: '1', outRefundNo: '2', totalFee: 1, refundFee: 1 })).outRefundNo, '2'],
        ['queryRefund', async () => (await cloud.cloudPay.queryRefund({ subMchId: '1', outTradeNo: '1' })).returnCode, 'SUCCESS'],
      ],
    },
    {
      title: 'cross account',
      has: has('Cloud') && Boolean(process.env.TENCENTCLOUD_SECRETID), // it reads its keys there alone
      rows: [['Cloud.init', async () => { const other = new cloud.Cloud({ resourceAppid: 'wx1', resourceEnv: 'other' }); await other.init(); return 'resolved' }, refused]],
    },
  ]
}

function relayRows ({ cloud, auth, within }) {
  const has = (name) => Boolean(cloud[name])
  const protobuf = Buffer.from([0x08, 0x00, 0x12, 0x00]) // an open API call without arguments
  return [
    {
      title: 'open API',
      has: true,
      rows: [
        ['callWxOpenApi', async () => typeof (await cloud.callWxOpenApi({ apiName: 'security.msgSecCheck', requestData: { content: 'x' } })).result, 'object'],
        ['callCompatibleWxOpenApi', async () => text(await cloud.callCompatibleWxOpenApi({ apiName: 'security.msgSecCheck', requestData: protobuf })).includes('errcode'), (result) => result === true || /is not valid JSON/.test(result.error)], // 3.0 to 3.10 take every answer for JSON,
      ],
    },
    { title: 'pay API', has: has('callWxPayApi'), rows: [['callWxPayApi', async () => text(await cloud.callWxPayApi({ apiName: 'unifiedOrder', requestData: Buffer.from('{"out_trade_no":"1"}'), apiOptions: Buffer.alloc(0) })).includes('SUCCESS'), true]] },
    { title: 'containers of WeChat', has: has('wxCallContainerApi'), rows: [['wxCallContainerApi', async () => text(await cloud.wxCallContainerApi({ apiName: 'x', requestData: Buffer.from('{}') })), (result) => refused(result) || result.includes('INVALID_PARAM')]] },
    {
      title: 'gateway',
      has: within && has('callContainer'),
      rows: [
        ...(has('ai') ? [['ai', () => typeof cloud.ai().createModel, 'function']] : []),
        ...['mysql', 'rdb'].filter(has).map((name) => [name, async () => cloud[name]().from('t').select('*'), (result) => refused(result) || Boolean(result.error) || result.status === 501]),
        ['callContainer', () => cloud.callContainer({ name: 'svc', method: 'POST', path: '/hello', data: { a: 1 } }), (result) => refused(result) || result.statusCode === 501],
        ['callApis', () => (cloud.callApis ? cloud.callApis({ name: 'api1', method: 'POST', path: '/p', body: { a: 1 } }) : { error: 'absent' }), (result) => refused(result) || result.statusCode === 501],
        ...(auth && auth.getClientCredential ? [['getClientCredential', async () => typeof (await auth.getClientCredential()).access_token, 'string']] : []),
      ],
    },
  ]
}

function otherRows ({ cloud, auth, sdk, kind, space, within, options }) {
  const rows = []
  if (cloud.logger) {
    console.__baseLog__ ??= console.log // a function's console has it
    for (const level of ['log', 'info', 'warn', 'error']) rows.push([`logger.${level}`, () => { cloud.logger()[level]({ from: 'surface' }); return 'said' }, 'said'])
  }
  if (kind === 'wx') {
    rows.push(['getWXContext', () => { const { OPENID, ENV } = cloud.getWXContext(); return within ? [OPENID, ENV === space || ENV === undefined] : 'outside' }, within ? ['alice', true] : 'outside'])
    if (cloud.createNewInstance) rows.push(['createNewInstance', async () => (await cloud.createNewInstance(options).database().collection('surface').count()).total >= 0, true])
    if (cloud.updateConfig) rows.push(['updateConfig', async () => { cloud.updateConfig(options); return (await cloud.database().collection('surface').count()).total >= 0 }, true])
    if ('DYNAMIC_CURRENT_ENV' in cloud && within) rows.push(['DYNAMIC_CURRENT_ENV', async () => { cloud.updateConfig({ env: cloud.DYNAMIC_CURRENT_ENV }); return (await cloud.database().collection('surface').count()).total >= 0 }, true])
    if (cloud.ai && within) rows.push(['ai', () => typeof cloud.ai().createModel, 'function'])
    if (cloud.registerService) rows.push(['registerService', () => { cloud.registerService({ createService: () => ({ name: 'own', getAPIs: () => ({ own: () => 1 }) }) }); return 'registered' }, (result) => result === 'registered' || refused(result)])
    if (cloud.signature) rows.push(['signature', () => typeof cloud.signature({ type: 'midas', secret: 's', params: [], path: '/' }), 'object'])
    rows.push(['init again', async () => { cloud.init(options); return (await cloud.database().collection('surface').count()).total >= 0 }, true])
  } else {
    rows.push(['database', async () => (await cloud.database().collection('surface').count()).total >= 0, true])
    rows.push(['init again', () => Boolean((sdk.init(options), cloud.init && cloud.init(options), true)), true])
    if (auth) rows.push(['auth', () => typeof cloud.auth().getUserInfo, 'function'])
    if (cloud.getCurrentEnv) rows.push(['getCurrentEnv', () => cloud.getCurrentEnv() ?? null, within ? space : null])
    if (sdk.parseContext) rows.push(['parseContext', () => Object.keys(sdk.parseContext({ memory_limit_in_mb: 256, time_limit_in_ms: 3000, request_id: 'r', environ: 'A=1;WX_CONTEXT_KEYS=;TCB_CONTEXT_KEYS=', function_version: '$LATEST', function_name: 'f', namespace: space })).some((key) => /^function_?name$/i.test(key)), true])
    if (cloud.registerExtension) rows.push(['extensions', async () => { cloud.registerExtension({ name: 'Twice', invoke: async (value) => value * 2 }); return cloud.invokeExtension('Twice', 21) }, 42])
    if (cloud.analytics) rows.push(['analytics', async () => Boolean(await cloud.analytics({ report_type: 'mall', report_data: { openid: 'o', wechat_mini_program_appid: 'wx1', action_type: 'mall_pv', action_time: 1 } })) || true, true])
    if (cloud.sendTemplateNotification) rows.push(['sendTemplateNotification', () => cloud.sendTemplateNotification({ notifyId: 'n', data: {}, url: '' }), (result) => refused(result) || result !== undefined])
  }
  if (auth) {
    if (auth.createTicket) rows.push(['createTicket', () => auth.createTicket('someone', { refresh: 5000 }).startsWith('k/@@/'), true])
    rows.push(['getUserInfo', () => auth.getUserInfo().openId || '', within ? 'alice' : ''])
    if (auth.getClientIP) rows.push(['getClientIP', () => typeof auth.getClientIP(), (result) => ['string', 'undefined'].includes(result)])
    if (auth.getAuthContext) rows.push(['getAuthContext', async () => { await auth.getAuthContext({ environ: '', environment: '{}' }); return 'done' }, (result) => result === 'done' || refused(result)])
    if (auth.getEndUserInfo) rows.push(['getEndUserInfo of nobody', () => auth.getEndUserInfo('nobody'), refused])
    if (auth.queryUserInfo) {
      rows.push(['queryUserInfo of nobody', () => auth.queryUserInfo({ platform: 'PHONE', platformId: '+86 13800000000' }), refused])
    }
  }
  return [{ title: 'others', has: true, rows }]
}
