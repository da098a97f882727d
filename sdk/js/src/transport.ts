/** `POST /web`: every operation is one JSON object with an `action`. */

import { Settings, settingsFor, spaceFor } from './config'
import { failure, GENERIC, numberOf, NETWORK, TIMEOUT } from './errors'
import { Host } from './host'
import { assign, Fields, isObject } from './objects'
import { Session } from './session'

export const VERSION = '0.1.0'
const DATA_VERSION = '2020-01-10'
const TIMEOUT_MS = 60000
const SIGN_IN_AGAIN = ['ACCESS_TOKEN_EXPIRED', 'CHECK_LOGIN_FAILED', 'INVALID_ACCESS_TOKEN']

/** One space on one server, as one user. */
export class Transport {
  host: Host
  settings: Settings
  env: string
  endpoint: string
  session: Session

  constructor(host: Host, own: Settings, env: string | undefined) {
    this.host = host
    this.settings = settingsFor(host, own)
    this.env = own.exact ? String(env) : spaceFor(host, env)
    this.endpoint = String(this.settings.endpoint || '').replace(/\/+$/, '')
    this.session = new Session(this)
  }

  /** The answer to an action, which is done as the signed-in user. An expired session is renewed once. */
  call(action: string, params: Fields): Promise<Fields> {
    return this.session.token().then((token) =>
      this.send(action, params, token).then(undefined, (reason) => {
        if (!token || SIGN_IN_AGAIN.indexOf(reason && reason.code) < 0) throw reason
        return this.session.renew(token).then((fresh) => this.send(action, params, fresh))
      }),
    )
  }

  /** The answer to an action, with this access token or none. */
  send(action: string, params: Fields, token: string): Promise<Fields> {
    const missing = this.missing()
    if (missing) return Promise.reject(failure(GENERIC, missing))
    const body = assign<Fields>({ action, dataVersion: DATA_VERSION, env: this.env }, params)
    if (token) body.access_token = token
    const url = this.endpoint + '/web?env=' + encodeURIComponent(this.env)
    const headers = { 'content-type': 'application/json', 'x-sdk-version': 'yunbox/' + VERSION }
    return this.host.post(url, JSON.stringify(body), headers, this.settings.timeout || TIMEOUT_MS).then(
      (answer) => read(answer.status, answer.body),
      (reason) => {
        throw unreachable(reason, this.endpoint)
      },
    )
  }

  private missing(): string {
    if (!this.endpoint) {
      return "no endpoint: call require('yunbox').configure({ endpoint: 'https://…' }) first / 未配置 endpoint"
    }
    return this.env ? '' : 'no environment: give env to init or to configure / 未指定环境 env'
  }
}

function read(status: number, body: unknown): Fields {
  let answer: any = body
  if (typeof body === 'string') {
    try {
      answer = JSON.parse(body)
    } catch (_) {
      answer = null
    }
  }
  if (!isObject(answer)) throw failure(NETWORK, 'the server answered ' + status + ' without JSON; check the endpoint')
  if (typeof answer.code === 'string' && answer.code) {
    const text = String(answer.message || answer.code)
    throw failure(numberOf(answer.code, text), text, answer.code, answer.requestId)
  }
  return answer
}

function unreachable(reason: any, endpoint: string): any {
  if (reason && reason.failure) return reason
  const text = String((reason && (reason.errMsg || reason.errorMessage || reason.message)) || reason)
  return failure(/time ?out/i.test(text) ? TIMEOUT : NETWORK, 'cannot reach ' + endpoint + ': ' + text)
}
