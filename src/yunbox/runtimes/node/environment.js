'use strict'
// The variables that the vendors' SDKs read, made from the neutral caller the host sends.
// Names: wx-server-sdk 0.8.1-4.0.2, tcb-admin-node 1.23.0, @cloudbase/node-sdk 2.11.0 and 3.18.3.

const SOURCES = { client: 'wx_client', timing: 'wx_trigger', http: 'wx_http', server: 'wx_unknown', function: 'scf' }
const MP_SOURCES = { wx_client: 'client', wx_devtools: 'client', wx_trigger: 'timing', wx_http: 'http', wx_unknown: 'server', scf: 'function' }

// `client` -> `wx_client`; a vendor's own chain stays as it is.
function tcbSource (source) {
  return source.split(',').map(part => SOURCES[part] || part).join(',')
}

function mpSource (source) {
  const last = source.split(',').pop()
  return MP_SOURCES[last] || last
}

// What SDKs look at while they are loaded.
function namingVariables (space) {
  return { TCB_ENV: space, SCF_NAMESPACE: space, TENCENTCLOUD_RUNENV: 'SCF' }
}

// Variables that hold for every invocation in this process; set before any user code is loaded.
function staticVariables (configuration) {
  return {
    ...configuration.environment,
    ...namingVariables(configuration.space),
    TENCENTCLOUD_REGION: 'ap-shanghai',
    TENCENTCLOUD_APPID: '1250000000',
    SCF_FUNCTIONNAME: configuration.name,
    SCF_FUNCTIONVERSION: '$LATEST',
    FC_FUNCTION_NAME: configuration.name,
    _SCF_TCB_LOG: '1',
    TCB_CONTEXT_CNFG: JSON.stringify({ URL: configuration.adminUrl })
  }
}

function invocationVariables (configuration, caller) {
  const wx = { WX_APPID: caller.appId || '' }
  if (caller.openid) wx.WX_OPENID = caller.openid
  if (caller.unionid) wx.WX_UNIONID = caller.unionid
  if (caller.clientIp) wx[caller.clientIp.includes(':') ? 'WX_CLIENTIPV6' : 'WX_CLIENTIP'] = caller.clientIp
  const from = caller.from || {}
  if (from.appId) wx.WX_FROM_APPID = from.appId
  if (from.openid) wx.WX_FROM_OPENID = from.openid
  if (from.unionid) wx.WX_FROM_UNIONID = from.unionid
  const timer = caller.source === 'timing' || caller.source === 'wx_trigger'
  wx[timer ? 'WX_TRIGGER_API_TOKEN_V0' : 'WX_API_TOKEN'] = caller.token
  const tcb = {
    TCB_ENV: configuration.space,
    TCB_SEQID: caller.requestId,
    TRIGGER_SRC: timer ? 'timer' : 'tcb',
    TCB_ISANONYMOUS_USER: caller.anonymous ? 'true' : 'false',
    TCB_SESSIONTOKEN: caller.token,
    TCB_SOURCE: tcbSource(caller.source),
    TCB_CONTEXT_CNFG: process.env.TCB_CONTEXT_CNFG
  }
  if (caller.clientIp) tcb.TCB_SOURCE_IP = caller.clientIp
  if (caller.userId) tcb.TCB_UUID = caller.userId
  return {
    ...wx,
    WX_CONTEXT_KEYS: Object.keys(wx).join(','),
    ...tcb,
    TCB_CONTEXT_KEYS: Object.keys(tcb).join(','),
    SCF_NAMESPACE: configuration.space,
    TENCENTCLOUD_SECRETID: caller.secretId,
    TENCENTCLOUD_SECRETKEY: caller.secretKey,
    TENCENTCLOUD_SESSIONTOKEN: caller.token
  }
}

// `env` of the (ctx) form.
// Only a client's call has the last three, and an anonymous one no app id (the guide's table of `ctx.env`).
function mpEnvironment (configuration, caller) {
  const environment = { MP_SPACE_ID: configuration.space, MP_SOURCE: mpSource(caller.source) }
  if (environment.MP_SOURCE !== 'client') return environment
  Object.assign(environment, { MP_USER_AGENT: caller.userAgent || '', MP_CLIENT_IP: caller.clientIp || '' })
  if (caller.appId && !caller.anonymous) environment.MP_APP_ID = caller.appId
  return environment
}

module.exports = { namingVariables, staticVariables, invocationVariables, mpEnvironment, tcbSource }
