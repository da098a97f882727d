/** What the client needs of the place it runs in. One implementation for each host in `adapters/`. */

export interface HttpAnswer {
  status: number
  /** Text, or what the host has already parsed from JSON. */
  body: unknown
}

export interface Socket {
  send(text: string): void
  close(code: number, reason: string): void
  onOpen: () => void
  onMessage: (text: string) => void
  /** Called once, after an error as well. */
  onClose: (reason: string) => void
}

export interface Login {
  loginType: string
  code: string
  appId: string
}

export interface KeyValueStore {
  get(key: string): string | null
  set(key: string, value: string): void
  remove(key: string): void
}

export interface Progress {
  progress: number
  done: number
  total: number
}

/** A running upload or download: the host reports to it, and puts its own `abort` in. */
export interface Transfer {
  aborted: boolean
  onAbort(abort: () => void): void
  report(progress: Progress): void
  headers(header: unknown): void
}

export interface Upload {
  url: string
  /** A path, or whatever else the host can read (a `File` in browsers, a `Buffer` in Node.js). */
  file: any
  /** The object's key; its ending tells the kind of file. */
  name: string
  fields: { [name: string]: string }
  headers: { [name: string]: string }
}

export interface Host {
  name: 'wx' | 'my' | 'dd' | 'browser' | 'node'
  /** What the realtime socket is told about the place. */
  runtime: string
  post(url: string, body: string, headers: { [name: string]: string }, timeout: number): Promise<HttpAnswer>
  upload(upload: Upload, transfer: Transfer): Promise<number>
  download(url: string, transfer: Transfer): Promise<{ status: number; path: string }>
  /** A file that can be given to `upload`. */
  store(content: string | ArrayBuffer): Promise<any>
  connect(url: string): Socket
  storage: KeyValueStore
  /** The platform's own login; absent where there is none. */
  login?: () => Promise<Login>
  /** Settings that the host's project carries (`ext.json`, environment variables …). */
  settings(): { [name: string]: any }
}
