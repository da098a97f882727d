/** Values that `callFunction` treats in a way of their own. */

import { Fields, isArray, isObject, isPlain, has } from './objects'

export type CDNTarget = string | ArrayBuffer | { type: 'filePath'; filePath: string }

/** Stands for open data of WeChat; the server puts the data in its place. */
export class CloudID {
  cloudID: string
  constructor(cloudID: string) {
    this.cloudID = cloudID
  }
  toJSON(): Fields {
    return { $cloudID: this.cloudID }
  }
}

/** A large field: it is uploaded first, and the function gets an address in its place. */
export class CDN {
  target: CDNTarget
  constructor(target: CDNTarget) {
    this.target = target
  }
}

/** `data` with every CDN marker replaced by what `publish` makes of it. */
export function publishMarkers(data: any, publish: (target: CDNTarget) => Promise<string>): Promise<any> {
  if (data instanceof CDN) return publish(data.target)
  if (isArray(data)) return Promise.all(data.map((item) => publishMarkers(item, publish)))
  if (!isPlain(data) || !holdsMarker(data)) return Promise.resolve(data)
  const names = Object.keys(data)
  return Promise.all(names.map((name) => publishMarkers(data[name], publish))).then((values) => {
    const filled: Fields = {}
    names.forEach((name, index) => {
      filled[name] = values[index]
    })
    return filled
  })
}

function holdsMarker(value: any): boolean {
  if (value instanceof CDN) return true
  if (!isObject(value)) return false
  for (const name in value) if (has(value, name) && holdsMarker(value[name])) return true
  return false
}
