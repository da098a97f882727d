// One way to open each generation of the web SDK against a server of one's own (no SDK is changed).

/** Variant -> the npm package, and how its generation is opened. */
export const VARIANTS = {
  'tcb-1.10.10': { package: 'tcb-js-sdk-1.10.10', open: openOldest },
  '1.8.4': { package: 'cloudbase-js-sdk-1.8.4', open: openFirst },
  '2.31.0': { package: 'cloudbase-js-sdk-2.31.0', open: openSecond },
  '3.7.0': { package: 'cloudbase-js-sdk-3.7.0', open: openThird },
  '3.7.0-cloudapi': { package: 'cloudbase-js-sdk-3.7.0', open: openThird, options: { endPointMode: 'CLOUD_API' } },
}

/**
 * A client of the space `env` at `endpoint`.
 *
 * `place` is where the script runs: its `kind` (`node`, `browser` or `mini`), an `adapter` where the SDK needs one, and
 * what differs there (files, storage, sockets).
 */
export function open(sdk, variant, place, endpoint, env) {
  const { open: start, options } = VARIANTS[variant]
  const { host, protocol } = new URL(endpoint)
  if (place.adapter) sdk.useAdapters(place.adapter)
  return { sdk, env, endpoint, place, variant, isMini: place.kind === 'mini', ...start(sdk, { host, scheme: protocol.slice(0, -1), env, options, place }) }
}

/** What 1.x SDKs want in mini programs: the key of a mobile app, which nothing here looks at. */
const APP_KEY = { appSecret: { appAccessKeyId: '1', appAccessKey: 'of the mobile app' } }

/** The SDK has no option for its address: the adapter, or the browser's name resolution, leads it here. */
function openOldest(sdk, { env, place }) {
  const app = sdk.init({ env, ...(place.kind === 'mini' && APP_KEY) })
  const auth = app.auth({ persistence: 'local' })
  return { generation: 0, app, ...firstAuth(auth), uid: async () => (await auth.getUserInfo()).uid }
}

function openFirst(sdk, { host, scheme, env, place }) {
  const app = sdk.init({ env, ...(place.kind === 'mini' && APP_KEY) })
  sdk.registerEndPoint(`${scheme}://${host}/web`)
  const auth = app.auth({ persistence: 'local' })
  return { generation: 1, app, ...firstAuth(auth) }
}

function firstAuth(auth) {
  return {
    auth,
    signIn: () => auth.anonymousAuthProvider().signIn(),
    signInWithPassword: (name, password) => auth.signInWithUsernameAndPassword(name, password),
    signInWithTicket: (ticket) => auth.customAuthProvider().signIn(ticket),
    uid: async () => auth.currentUser.uid,
    isAnonymous: async () => (await auth.getLoginState()).loginType === 'ANONYMOUS',
    token: async () => (await auth.getAccessToken()).accessToken,
  }
}

function openSecond(sdk, { host, scheme, env }) {
  const app = sdk.init({ env })
  app.registerEndPoint(`//${host}/web`, scheme)
  app.registerEndPointWithKey({ key: 'GATEWAY', url: `//${host}/v1`, protocol: scheme })
  return { generation: 2, app, ...modernAuth(app.auth({ persistence: 'local' })) }
}

function openThird(sdk, { host, scheme, env, options }) {
  const app = sdk.init({ env, ...options })
  app.registerHost(host, scheme)
  const isGateway = !options
  return { generation: 3, isGateway, app, ...modernAuth(app.auth({ persistence: 'local' })) }
}

function modernAuth(auth) {
  return {
    auth,
    signIn: () => auth.signInAnonymously(),
    signInWithPassword: (username, password) => auth.signIn({ username, password }),
    signInWithTicket: async (ticket) => {
      await auth.setCustomSignFunc(async () => ticket)
      return auth.signInWithCustomTicket()
    },
    uid: async () => (await auth.getUserInfo()).uid || (await auth.getCurrentUser()).uid,
    isAnonymous: async () => (await auth.getCredentials()).scope === 'anonymous',
    token: async () => (await auth.getAccessToken()).accessToken,
  }
}
