/** Changes as the server takes them: nested objects are merged by dotted paths, commands become operators. */

import { BAD_PARAMETER, BAD_TYPE, failure } from '../errors'
import { Fields, has, isArray, isPlain } from '../objects'
import { Change, Condition } from './command'
import { encodeFilter, encodeOperand } from './filter'
import { encode, isNest } from './values'

export function encodeUpdate(data: any): Fields {
  checkData(data)
  const operations: Fields = {}
  collect(data, '', operations)
  return operations
}

/** A whole document, for `add` and `set`. */
export function encodeDocument(data: any): Fields {
  checkData(data)
  return encode(data)
}

function checkData(data: any): void {
  if (data === undefined || data === null) throw failure(BAD_PARAMETER, 'parameter.data should be given / 缺少 data')
  if (!isPlain(data)) throw failure(BAD_TYPE, 'parameter.data should be an object / data 应为对象')
}

function collect(fields: any, prefix: string, operations: Fields): void {
  for (const name in fields) {
    if (!has(fields, name) || fields[name] === undefined) continue
    const value = fields[name]
    const path = prefix + name
    if (value instanceof Change) put(operations, value.operator, path, encodeChange(value))
    else if (isNest(value)) collect(value, path + '.', operations)
    else put(operations, '$set', path, encode(value))
  }
}

function put(operations: Fields, operator: string, path: string, value: any): void {
  if (!has(operations, operator)) operations[operator] = {}
  operations[operator][path] = value
}

function encodeChange(change: Change): any {
  const operand = change.operand
  switch (change.operator) {
    case '$push':
      return encodePush(operand)
    case '$addToSet': {
      const each = isPlain(operand) ? operand.each || operand.$each : undefined
      return isArray(each) ? { $each: encode(each) } : encode(operand)
    }
    case '$pull':
      if (operand instanceof Condition) return encodeOperand(operand)
      return isPlain(operand) ? encodeFilter(operand) : encode(operand)
    default:
      return encode(operand)
  }
}

function encodePush(options: any): Fields {
  const encoded: Fields = { $each: encode(options.each) }
  ;['position', 'sort', 'slice'].forEach((name) => {
    if (options[name] !== undefined) encoded['$' + name] = encode(options[name])
  })
  return encoded
}
