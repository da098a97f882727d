'use strict'
// One way to open each generation of @cloudbase/js-sdk against a server of one's own (no SDK is changed).

const adapter = require('./web_adapter')

const VARIANTS = {
  'mp-1.8.4': { package: 'cloudbase-js-sdk-1.8.4/miniprogram_dist/index.js', open: openFirst, host: {} },
  'mp-2.31.0': { package: 'cloudbase-js-sdk-2.31.0/miniprogram_dist/index.js', open: openSecond, host: {} },
  'mp-3.7.0': { package: 'cloudbase-js-sdk-3.7.0/miniprogram_dist/index.js', open: openThird, host: { methods: false } },
  'mp-3.7.0-cloudapi': {
    package: 'cloudbase-js-sdk-3.7.0/miniprogram_dist/index.js',
    open: openThird,
    options: { endPointMode: 'CLOUD_API' },
    host: {},
  },
  'tcb-1.10.10': { package: 'tcb-js-sdk-1.10.10', open: openOldest },
  '1.8.4': { package: 'cloudbase-js-sdk-1.8.4', open: openFirst },
  '2.31.0': { package: 'cloudbase-js-sdk-2.31.0', open: openSecond },
  '3.7.0': { package: 'cloudbase-js-sdk-3.7.0', open: openThird },
  '3.7.0-cloudapi': { package: 'cloudbase-js-sdk-3.7.0', open: openThird, options: { endPointMode: 'CLOUD_API' } },
}

function open(variant, endpoint, env) {
  const { package: name, open: start, options, host } = VARIANTS[variant]
  if (host) require('./wx_host').install(host)
  const loaded = require(host ? `../node_modules/${name}` : name)
  const sdk = loaded.default || loaded
  return start(sdk, new URL(endpoint).host, env, options)
}

function openOldest(sdk, host, env) {
  globalThis.location = { protocol: 'http:' }
  Object.assign(adapter.rewrite, { from: 'tcb-api.tencentcloudapi.com', to: `http://${host}` })
  sdk.useAdapters(adapter)
  const app = sdk.init({ env })
  const auth = app.auth({ persistence: 'local' })
  return {
    app,
    auth,
    signIn: () => auth.anonymousAuthProvider().signIn(),
    signInWithTicket: (ticket) => auth.customAuthProvider().signIn(ticket),
    uid: async () => (await auth.getUserInfo()).uid,
    signOut: async () => undefined,
    database: () => app.database(),
  }
}

function openFirst(sdk, host, env) {
  const isMini = typeof wx !== 'undefined'
  if (!isMini) {
    globalThis.location = { protocol: 'http:' }
    sdk.useAdapters(adapter)
  }
  const app = sdk.init({ env, ...(isMini && { appSecret: { appAccessKeyId: '1', appAccessKey: 'of the mobile app' } }) })
  sdk.registerEndPoint(`http://${host}/web`)
  const auth = app.auth({ persistence: 'local' })
  return {
    app,
    auth,
    signIn: () => auth.anonymousAuthProvider().signIn(),
    signInWithPassword: (name, password) => auth.signInWithUsernameAndPassword(name, password),
    signInWithTicket: async (ticket) => {
      const provider = auth.customAuthProvider()
      return provider.signIn(ticket)
    },
    uid: () => auth.currentUser.uid,
    signOut: async () => undefined,
    database: () => app.database(),
  }
}

function openSecond(sdk, host, env) {
  if (typeof wx === 'undefined') sdk.useAdapters(adapter)
  const app = sdk.init({ env })
  app.registerEndPoint(`//${host}/web`, 'http')
  app.registerEndPointWithKey({ key: 'GATEWAY', url: `//${host}/v1`, protocol: 'http' })
  return modern(app, app.auth({ persistence: 'local' }))
}

function openThird(sdk, host, env, options) {
  const app = sdk.init({ env, ...options })
  app.registerHost(host, 'http')
  return modern(app, app.auth({ persistence: 'local' }))
}

function modern(app, auth) {
  return {
    app,
    auth,
    signIn: () => auth.signInAnonymously(),
    signInWithPassword: (username, password) => auth.signIn({ username, password }),
    signInWithTicket: async (ticket) => {
      await auth.setCustomSignFunc(async () => ticket)
      return auth.signInWithCustomTicket()
    },
    uid: async () => (await auth.getUserInfo()).uid || (await auth.getCurrentUser()).uid,
    signOut: () => auth.signOut(),
    database: () => app.database(),
  }
}

module.exports = { open, VARIANTS }
