export { composeEnrollmentMessage, type EnrollmentMessage } from './compose.ts'
export { DEFAULT_TEMPLATE } from './default-template.ts'
export { type IssuedOffer, readIssued } from './issued.ts'
export { type EnrollmentTemplate, PLACEHOLDERS, parseTemplate } from './template.ts'
