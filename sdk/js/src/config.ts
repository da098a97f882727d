/** Where the cloud is. Settings given to `configure` count more than those of `init`, which are the application's own. */

import { Host } from './host'
import { assign, globalObject } from './objects'

export interface SignIn {
  /** Sign in without a platform, as this name. Only where the space allows developer logins (`yunbox dev` does). */
  developer?: string
  /** A login ticket that your own server has signed. */
  ticket?: string | (() => Promise<string>)
  username?: string
  password?: string
  /** Fetches the refresh token of a session that was made elsewhere; nothing is kept on the device. */
  session?: () => Promise<string>
  /** A user without a platform, who stays the same on this device. */
  anonymous?: boolean
  /** Call as nobody. */
  guest?: boolean
}

export interface Settings {
  /** Address of the server: `https://cloud.example.com`. */
  endpoint?: string
  /** The space to use, whatever environment the application names. */
  env?: string
  /** The mini program's app id, where the host does not tell. */
  appId?: string
  signIn?: SignIn
  /** Most documents that one `get` of a query asks for; 20 is what WeChat allows. Without it the server decides. */
  maxLimit?: number
  /**
   * Uploads answer with a web address in place of a `cloud://` id, which `<image>` shows as it is; every call takes
   * both. For spaces whose files everybody may read.
   */
  fileURLs?: boolean
  /** Use this very environment, whatever is configured: it belongs to somebody else. */
  exact?: boolean
  /** Milliseconds until a request is given up. */
  timeout?: number
}

const given: Settings = {}
let home: string | undefined

/** The application's own environment: what its one `init` names. */
export function rememberHome(env: string | undefined): void {
  home = env
}

export function homeEnvironment(): string | undefined {
  return home
}

/** Say where the server is. May be called before or after `init`, but before the first call. */
export function configure(settings: Settings): void {
  assign(given, settings)
}

/** All settings in force, for an application that asked for `own`. */
export function settingsFor(host: Host, own: Settings): Settings {
  const settings: Settings = {}
  assign(settings, host.settings())
  assign(settings, carried())
  assign(settings, own)
  return assign(settings, given)
}

/** The space for an application that names `env`: what is configured beside the code counts more. */
export function spaceFor(host: Host, env: string | undefined): string {
  return given.env || carried().env || env || host.settings().env || ''
}

function carried(): Settings {
  return globalObject().YUNBOX_CONFIG || {}
}
