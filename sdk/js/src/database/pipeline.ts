/** The stages of an aggregation. */

import { Fields, has, isArray, isPlain } from '../objects'
import { encodeFilter, encodeOperand } from './filter'
import { Condition } from './command'
import { encode } from './values'

const PLAIN =
  'addFields bucket bucketAuto count group limit project replaceRoot sample skip sort sortByCount unwind'.split(' ')

export class Pipeline {
  readonly stages: Fields[] = []

  /** The stages, for `lookup`. */
  done(): Fields[] {
    return this.stages
  }

  match(condition: any): this {
    return this.add('$match', encodeFilter(condition))
  }

  geoNear(options: any): this {
    const encoded = encodeExpression(options)
    if (options && options.query) encoded.query = encodeFilter(options.query)
    return this.add('$geoNear', encoded)
  }

  lookup(options: any): this {
    const given = options && options.pipeline instanceof Pipeline ? options.pipeline.done() : options && options.pipeline
    const encoded = encodeExpression(options)
    if (isArray(given)) encoded.pipeline = given
    return this.add('$lookup', encoded)
  }

  protected add(name: string, value: any): this {
    const stage: Fields = {}
    stage[name] = value
    this.stages.push(stage)
    return this
  }
}

export interface Pipeline {
  [stage: string]: any
}

PLAIN.forEach((name) => {
  Pipeline.prototype[name] = function (this: any, value: any): Pipeline {
    return this.add('$' + name, encodeExpression(value))
  }
})

/** An expression; query commands have found their way into some (`filter`, `expr`). */
function encodeExpression(value: any): any {
  if (value instanceof Pipeline) return undefined
  if (value instanceof Condition) return encodeOperand(value)
  if (isArray(value)) return value.map(encodeExpression)
  if (!isPlain(value)) return encode(value)
  const fields: Fields = {}
  for (const name in value) if (has(value, name) && value[name] !== undefined) fields[name] = encodeExpression(value[name])
  return fields
}
