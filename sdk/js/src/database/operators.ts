/** `db.command.aggregate`: the operators of pipelines. */

import { Pipeline } from './pipeline'

const NAMES = (
  'abs add addToSet allElementsTrue and anyElementTrue arrayElemAt arrayToObject avg ceil cmp concat concatArrays cond ' +
  'convert dateFromParts dateToParts dateFromString dateToString dayOfMonth dayOfWeek dayOfYear divide eq exp filter ' +
  'first floor gt gte hour ifNull in indexOfArray indexOfBytes indexOfCP isArray isoDayOfWeek isoWeek isoWeekYear last ' +
  'let literal ln log log10 lt lte ltrim map max mergeObjects meta min millisecond minute mod month multiply neq not ' +
  'objectToArray or pow push range reduce reverseArray rtrim second setDifference setEquals setIntersection setIsSubset ' +
  'setUnion size slice split sqrt stdDevPop stdDevSamp strcasecmp strLenBytes strLenCP substr substrBytes substrCP ' +
  'subtract sum switch toBool toDate toDecimal toDouble toInt toLong toObjectId toString toLower toUpper trim trunc type ' +
  'week year zip'
).split(' ')

const SPELLED: { [name: string]: string } = { neq: '$ne' }

export const operators: { [name: string]: (...operands: any[]) => any } = {}

NAMES.forEach((name) => {
  operators[name] = (...operands: any[]) => {
    const expression: { [name: string]: any } = {}
    expression[SPELLED[name] || '$' + name] = operands.length > 1 ? operands : operands[0]
    return expression
  }
})
operators.pipeline = () => new Pipeline()
