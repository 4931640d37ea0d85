/**
 * Checks a message against the exported JSON Schema of its type, so that nothing unchecked crosses the wire.
 * Knows just the words of JSON Schema that the contract uses; an unknown one is an error, not silently true.
 */
import { ProtocolError } from "./frame";
import { MAX_TEXT_BYTES, type ClientMessage, type ServerMessage } from "./messages";
import { SCHEMAS } from "./schemas";

type Rule = Record<string, unknown>;

const KNOWN_WORDS = new Set([
  "$ref", "additionalProperties", "anyOf", "const", "enum", "exclusiveMaximum", "exclusiveMinimum", "items", "maxItems",
  "maxLength", "maximum", "minItems", "minLength", "minimum", "oneOf", "pattern", "prefixItems", "properties", "required", "tag", "type",
]);

/** Return the server's message, checked. @throws ProtocolError no JSON, or against the schema; says where */
export function parseServerMessage(text: string): ServerMessage {
  return parse(text, "ServerMessage") as ServerMessage;
}

/** Return the browser's message, checked, as the server would. @throws ProtocolError */
export function parseClientMessage(text: string): ClientMessage {
  return parse(text, "ClientMessage") as ClientMessage;
}

/** Whether a value is good as the named type of the contract. */
export function fits(value: unknown, name: string): boolean {
  const rule = SCHEMAS[name] as Rule | undefined;
  return rule !== undefined && findFault(value, rule, name) === null;
}

function parse(text: string, name: string): unknown {
  if (text.length > MAX_TEXT_BYTES) {
    throw new ProtocolError(`A message of ${text.length} characters is over the limit of ${MAX_TEXT_BYTES}.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ProtocolError(`A message is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const fault = findFault(value, SCHEMAS[name] as Rule, "message");
  if (fault !== null) {
    throw new ProtocolError(fault);
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Return what is wrong, null if nothing is. */
function findFault(value: unknown, rule: Rule, where: string): string | null {
  for (const word of Object.keys(rule)) {
    if (!KNOWN_WORDS.has(word)) {
      return `${where}: the schema word ${word} is unknown`;
    }
  }
  if (typeof rule.$ref === "string") {
    return findFault(value, SCHEMAS[rule.$ref.slice("#/$defs/".length)] as Rule, where);
  }
  const choices = (rule.oneOf ?? rule.anyOf) as Rule[] | undefined;
  if (choices !== undefined) {
    return findFaultOfChoice(value, choices, rule.tag as string | undefined, where);
  }
  if ("const" in rule && value !== rule.const) {
    return `${where}: expected ${JSON.stringify(rule.const)}`;
  }
  if (Array.isArray(rule.enum) && !rule.enum.includes(value)) {
    return `${where}: expected one of ${JSON.stringify(rule.enum)}`;
  }
  return findFaultOfType(value, rule, where) ?? findFaultOfRange(value, rule, where);
}

function findFaultOfChoice(value: unknown, choices: Rule[], tag: string | undefined, where: string): string | null {
  if (tag === undefined) {
    const faults = choices.map((choice) => findFault(value, choice, where));
    return faults.includes(null) ? null : (faults[0] ?? `${where}: fits nothing`);
  }
  if (!isObject(value)) {
    return `${where}: expected an object`;
  }
  for (const choice of choices) {
    const target = SCHEMAS[(choice.$ref as string).slice("#/$defs/".length)] as { properties: Record<string, Rule> };
    if (target.properties[tag]?.const === value[tag]) {
      return findFault(value, choice, where);
    }
  }
  return `${where}.${tag}: ${JSON.stringify(value[tag])} is unknown`;
}

function findFaultOfType(value: unknown, rule: Rule, where: string): string | null {
  const fits: Record<string, boolean> = {
    integer: Number.isInteger(value),
    number: typeof value === "number" && Number.isFinite(value),
    string: typeof value === "string",
    boolean: typeof value === "boolean",
    null: value === null,
    array: Array.isArray(value),
    object: isObject(value),
  };
  if (typeof rule.type === "string" && !fits[rule.type]) {
    return `${where}: expected ${rule.type}`;
  }
  if (Array.isArray(value)) {
    return findFaultOfItems(value, rule, where);
  }
  if (rule.type !== "object" || !isObject(value)) {
    return null;
  }
  const properties = rule.properties as Record<string, Rule>;
  for (const name of (rule.required ?? []) as string[]) {
    if (!Object.hasOwn(value, name)) {
      return `${where}.${name}: is missing`;
    }
  }
  for (const [name, entry] of Object.entries(value)) {
    const inner = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (inner === undefined) {
      return `${where}.${name}: is unknown`;
    }
    const fault = findFault(entry, inner, `${where}.${name}`);
    if (fault !== null) {
      return fault;
    }
  }
  return null;
}

function findFaultOfItems(value: unknown[], rule: Rule, where: string): string | null {
  const fault = findFaultOfLength(value.length, rule.minItems, rule.maxItems, where);
  if (fault !== null) {
    return fault;
  }
  const places = rule.prefixItems as Rule[] | undefined;
  for (const [index, entry] of value.entries()) {
    const inner = places === undefined ? (rule.items as Rule) : places[index];
    const wrong = inner === undefined ? `${where}.${index}: is one too many` : findFault(entry, inner, `${where}.${index}`);
    if (wrong !== null) {
      return wrong;
    }
  }
  return null;
}

function findFaultOfLength(length: number, least: unknown, most: unknown, where: string): string | null {
  const fits = (typeof least !== "number" || length >= least) && (typeof most !== "number" || length <= most);
  return fits ? null : `${where}: a length of ${length} is out of range`;
}

function findFaultOfRange(value: unknown, rule: Rule, where: string): string | null {
  if (typeof value === "string") {
    const isLike = typeof rule.pattern !== "string" || new RegExp(rule.pattern, "u").test(value);
    return findFaultOfLength([...value].length, rule.minLength, rule.maxLength, where) ?? (isLike ? null : `${where}: has characters that it must not have`);
  }
  if (typeof value !== "number") {
    return null;
  }
  const tooSmall =
    (typeof rule.minimum === "number" && value < rule.minimum) ||
    (typeof rule.exclusiveMinimum === "number" && value <= rule.exclusiveMinimum);
  const tooLarge =
    (typeof rule.maximum === "number" && value > rule.maximum) ||
    (typeof rule.exclusiveMaximum === "number" && value >= rule.exclusiveMaximum);
  return tooSmall || tooLarge ? `${where}: ${value} is out of range` : null;
}
