/** `cloud://` file ids as addresses, for components that only WeChat itself would resolve. */

import { getTempFileURL } from './storage'
import { isArray } from './objects'
import { Transport } from './transport'

const KEPT_MS = 60 * 60 * 1000
const BATCH = 50
const FILE_ID = /^cloud:\/\/([^./]+)\.([^/]+)\/(.+)$/
const UNSAFE = /[%?#\\"<>^`{|}]/

/** Addresses that were asked for lately; all that are asked for at once go out as one call. */
export class Resolver {
  private known: { [fileID: string]: { url: string; until: number } } = {}

  constructor(private transport: () => Transport) {}

  /** The address of each file id; anything else stays as it is, and a file that cannot be read becomes `''`. */
  resolve(files: any): Promise<any> {
    const list: string[] = isArray(files) ? files : [files]
    const missing = list.filter((file, index) => isFileID(file) && !this.fresh(file) && list.indexOf(file) === index)
    const batches: string[][] = []
    for (let start = 0; start < missing.length; start += BATCH) batches.push(missing.slice(start, start + BATCH))
    return Promise.all(batches.map((batch) => this.ask(batch))).then(() => {
      const found = list.map((file) => (isFileID(file) ? this.fresh(file) || '' : file))
      return isArray(files) ? found : found[0]
    })
  }

  private ask(batch: string[]): Promise<void> {
    return getTempFileURL(this.transport(), batch).then((answer) => {
      answer.fileList.forEach((item) => {
        const seconds = Math.min(KEPT_MS, (item.maxAge * 1000) / 2)
        if (item.tempFileURL) this.known[item.fileID] = { url: item.tempFileURL, until: Date.now() + seconds }
      })
    })
  }

  private fresh(file: string): string {
    const known = this.known[file]
    return known && known.until > Date.now() ? known.url : ''
  }
}

export function isFileID(file: any): boolean {
  return typeof file === 'string' && FILE_ID.test(file)
}

/** The address that a file always has, without asking; it works where the space's files are readable for all. */
export function publicURL(endpoint: string, fileID: string): string {
  const parts = FILE_ID.exec(fileID)
  if (!parts) return fileID
  const path = UNSAFE.test(parts[3]) ? '~/' + hex(parts[3]) : parts[3].split('/').map(encodeURIComponent).join('/')
  return endpoint + '/files/' + parts[2] + '/' + path
}

/** Some characters do not survive every host's handling of addresses; the server takes such names in hexadecimal. */
function hex(text: string): string {
  return encodeURIComponent(text).replace(/%(..)|(.)/g, (_, escaped, plain) =>
    escaped ? escaped.toLowerCase() : plain.charCodeAt(0).toString(16),
  )
}
