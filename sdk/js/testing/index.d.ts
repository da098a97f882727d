import type { CloudAPI } from '../dist/types/cloud'

/** A new, empty cloud with one space. The yunbox program is `$YUNBOX`, `.venv/bin/yunbox`, `yunbox` or `python3 -m yunbox.cli`. */
export function startCloud(options?: { spaceId?: string }): Promise<Cloud>

export interface Cloud {
  /** Address of the server. */
  endpoint: string
  spaceId: string
  keys: Keys
  /** May do everything. */
  admin: Person
  /** Add documents, as `{ collection: [document, …] }`; missing collections are made. The documents' ids. */
  seed(content: { [collection: string]: object[] }): Promise<{ [collection: string]: (string | number)[] }>
  /** Who may read and write a collection: a mode (`'READONLY'`) or security rules (`{ read: 'auth != null' }`). */
  setRules(collection: string, rules: string | { [verb: string]: string | boolean }): Promise<void>
  /** Deploy a function, a folder of functions or a whole project; the functions' names. */
  deploy(directory: string): Promise<string[]>
  /** The user with this openid. */
  asUser(openid: string): Person
  /** Move the cloud's clock on: timers run, tokens and documents expire, functions see the new time. The new time. */
  advance(seconds: number): Promise<Date>
  close(): Promise<void>
}

export interface Person {
  /** `null` for the administrator. */
  openid: string | null
  /** What the function answers. Rejects with `code` (`FunctionFailed`, `FunctionNotFound` …) and `logs`. */
  call(name: string, data?: unknown): Promise<any>
  /** The documents that match and that this person may read. */
  find(collection: string, filter?: object): Promise<any[]>
  upload(path: string, content: string | Uint8Array): Promise<void>
  /** A session of the user, for HTTP calls of your own. */
  session(): Promise<{ userId: string; accessToken: string; refreshToken: string; expiresIn: number }>
  /** The user's `wx.cloud`: `callFunction`, `database()`, `uploadFile` … over HTTP. */
  readonly cloud: CloudAPI
}

export interface Keys {
  /** WeChat cloud's server SDKs. */
  secretId: string
  secretKey: string
  /** mpserverless' client SDK. */
  clientSecret: string
  /** mpserverless' server SDK. */
  serverPrivateKey: string
  /** mpserverless' OpenAPI. */
  accessKeyId: string
  accessKeySecret: string
}
