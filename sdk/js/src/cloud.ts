/** The client: everything that `wx.cloud` has. */

import { callFunction, CallFunctionOptions, CallFunctionResult } from './functions'
import { Callbacks, hasCallbacks, settle } from './calls'
import { homeEnvironment, rememberHome, Settings } from './config'
import { Database, makeDatabase } from './database/database'
import { Watching } from './database/realtime'
import { BAD_TYPE, failure, GENERIC, numberOf } from './errors'
import { Host } from './host'
import { CDN, CDNTarget, CloudID } from './markers'
import { assign, Fields, isObject } from './objects'
import { publicURL, Resolver } from './resolve'
import { deleteFile, downloadFile, FileItem, getTempFileURL, uploadFile, UploadFileOptions } from './storage'
import { RunningTransfer, TransferTask } from './transfer'
import { Transport } from './transport'

export interface InitOptions extends Settings {
  traceUser?: boolean
}

type Environments = string | { database?: string; storage?: string; functions?: string } | undefined
type Part = 'database' | 'storage' | 'functions'

export interface CloudAPI {
  init(options?: Omit<InitOptions, 'env'> & { env?: Environments }): void
  callFunction(options: CallFunctionOptions & Callbacks<CallFunctionResult>): Promise<CallFunctionResult>
  uploadFile(
    options: UploadFileOptions & Callbacks<any> & { onProgress?: (progress: any) => void },
  ): Promise<{ fileID: string; statusCode: number; errMsg: string }> & TransferTask
  downloadFile(
    options: { fileID: string; config?: { env?: string } } & Callbacks<any>,
  ): Promise<{ tempFilePath: string; statusCode: number; errMsg: string }> & TransferTask
  getTempFileURL(
    options: { fileList: (string | { fileID: string; maxAge?: number })[]; config?: { env?: string } } & Callbacks<any>,
  ): Promise<{ fileList: FileItem[]; errMsg: string }>
  deleteFile(
    options: { fileList: string[]; config?: { env?: string } } & Callbacks<any>,
  ): Promise<{ fileList: { fileID: string; status: number; errMsg: string }[]; errMsg: string }>
  database(config?: { env?: string }): Database
  CloudID: any
  CDN: any
  callContainer(options: any): Promise<any>
  connectContainer(options: any): Promise<any>
  /** Addresses for `cloud://` ids: one for one, a list for a list. */
  resolve(files: any): Promise<any>
  /** The address that a `cloud://` id always has; for files that everybody may read. */
  publicURL(fileID: string): string
}

const NOT_ENABLED = "Cloud API isn't enabled, please call wx.cloud.init first"
const NO_CONTAINERS = 'this server runs functions, not containers; use callFunction / 本服务不支持云托管，请使用云函数'

/** Fill `target` with a client of its own. Its methods may be taken off it: none of them looks at `this`. */
export function makeCloud<T extends object>(target: T, host: Host, ready: Fields | null): T & CloudAPI {
  let own: Fields | null = ready
  const clients: { [env: string]: Client } = {}

  function client(part: Part, config?: { env?: string }): Client {
    if (!own) throw failure(GENERIC, NOT_ENABLED)
    const env = (config && config.env) || environment(own.env, part)
    const key = String(env)
    if (!clients[key]) clients[key] = new Client(host, own, env)
    return clients[key]
  }

  const api: CloudAPI = {
    init: (options) => {
      if (own) return warn('cloud.init was called before; the call is ignored / 重复调用 init')
      own = assign<Fields>({}, options || {})
      rememberHome(environment(own.env, 'functions'))
    },
    callFunction: (options) =>
      settle('cloud.callFunction', options, () => {
        const config = options && options.config
        const publish = (target: CDNTarget) => publishTarget(client('storage', config), target)
        return callFunction(client('functions', config).transport(), options, publish)
      }),
    uploadFile: (options) => {
      const transfer = new RunningTransfer('upload')
      if (options && options.onProgress) transfer.task.onProgressUpdate(options.onProgress)
      const work = () => uploadPublic(client('storage', options && options.config).transport(), options, transfer)
      return withTask(settle('cloud.uploadFile', options, work), transfer, options)
    },
    downloadFile: (options) => {
      const transfer = new RunningTransfer('download')
      const work = () => downloadFile(client('storage', options && options.config).transport(), options, transfer)
      return withTask(settle('cloud.downloadFile', options, work), transfer, options)
    },
    getTempFileURL: (options) =>
      settle('cloud.getTempFileURL', options, () =>
        getTempFileURL(client('storage', options && options.config).transport(), options && options.fileList),
      ) as any,
    deleteFile: (options) =>
      settle('cloud.deleteFile', options, () =>
        deleteFile(client('storage', options && options.config).transport(), options && options.fileList),
      ) as any,
    database: (config) => {
      const context = {
        transport: () => client('database', config).transport(),
        watching: () => client('database', config).watching(),
      }
      return makeDatabase(context, (config && config.env) || environment(own && own.env, 'database'))
    },
    CloudID: marker(CloudID),
    CDN: marker(CDN),
    callContainer: (options) => settle('cloud.callContainer', options, () => Promise.reject(failure(-604100, NO_CONTAINERS))),
    connectContainer: (options) =>
      settle('cloud.connectContainer', options, () => Promise.reject(failure(-604100, NO_CONTAINERS))),
    resolve: (files) => Promise.resolve().then(() => client('storage').resolver.resolve(files)),
    publicURL: (fileID) => publicURL(client('storage').transport().endpoint, fileID),
  }
  return assign(target, api) as T & CloudAPI
}

/** One environment of a client: its connection, made when it is first used, so that `configure` may come late. */
class Client {
  readonly resolver = new Resolver(() => this.transport())
  private connection: Transport | null = null
  private watches: Watching | null = null

  constructor(
    private host: Host,
    private own: Fields,
    private env: string | undefined,
  ) {}

  transport(): Transport {
    if (!this.connection) this.connection = new Transport(this.host, this.own, this.env)
    return this.connection
  }

  watching(): Watching {
    if (!this.watches) this.watches = new Watching(this.transport())
    return this.watches
  }
}

function environment(env: Environments, part: Part): string | undefined {
  return isObject(env) ? (env as Fields)[part] : (env as string | undefined)
}

/** An upload whose file id is a web address where the settings want one. */
function uploadPublic(transport: Transport, options: UploadFileOptions, transfer: RunningTransfer): Promise<any> {
  return uploadFile(transport, options, transfer).then((done) =>
    transport.settings.fileURLs ? assign(done, { fileID: publicURL(transport.endpoint, done.fileID) }) : done,
  )
}

/** Callback style returns the task; promise style a promise that is a task, too. */
function withTask(promise: any, transfer: RunningTransfer, options: any): any {
  return hasCallbacks(options) ? transfer.task : assign(promise, transfer.task)
}

function marker(kind: any): any {
  return function (value: any) {
    return new kind(value)
  }
}

function publishTarget(client: Client, target: CDNTarget): Promise<string> {
  const transport = client.transport()
  if (!target) return Promise.reject(failure(BAD_TYPE, 'CDN needs text, bytes or a file'))
  const filePath = (target as any).filePath
  const stored = filePath ? Promise.resolve(filePath) : transport.host.store(target as string | ArrayBuffer)
  const cloudPath = 'cdn/' + Date.now() + '-' + Math.random().toString(36).slice(2)
  return stored
    .then((file) => uploadFile(transport, { cloudPath, filePath: file }, new RunningTransfer('upload')))
    .then((done) => getTempFileURL(transport, [done.fileID]))
    .then((answer) => {
      if (!answer.fileList[0].tempFileURL) throw failure(numberOf('STORAGE_REQUEST_FAIL'), answer.fileList[0].errMsg)
      return answer.fileList[0].tempFileURL
    })
}

function warn(text: string): void {
  if (typeof console !== 'undefined') console.warn(text)
}

/** `new Cloud({ resourceEnv })`, then `await init()`: a client for another environment. */
export function cloudConstructor(host: Host): new (options?: Fields) => CloudAPI {
  return function (this: any, options: Fields = {}) {
    const own: Fields = assign<Fields>({}, options)
    own.env = options.resourceEnv || options.env
    if (options.identityless) own.signIn = { guest: true }
    if (options.resourceAppid && options.resourceEnv && !options.identityless) return sharedCloud(this, host, own, options)
    const cloud = makeCloud(this, host, own)
    cloud.init = () => Promise.resolve() as any
    return cloud
  } as any
}

/** A client of an environment that its owner shares with the application's own. */
function sharedCloud(target: object, host: Host, own: Fields, options: Fields): CloudAPI {
  const params = { resource_appid: options.resourceAppid, resource_env: options.resourceEnv }
  let home: Transport | null = null
  let entered: Promise<string> | null = null

  function enter(): Promise<string> {
    home = home || new Transport(host, assign<Fields>({}, options), options.env || homeEnvironment())
    return home.call('auth.getCrossAccountToken', params).then((answer) => String(answer.refresh_token))
  }

  own.exact = true
  own.signIn = {
    session: () => {
      const token = entered || enter()
      entered = null
      return token
    },
  }
  const cloud = makeCloud(target, host, own)
  cloud.init = (() => {
    const entering = enter()
    return entering.then(() => {
      entered = entering
    })
  }) as any
  return cloud
}

declare const console: { warn(text: string): void }
