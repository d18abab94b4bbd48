/** Paths of members in messages: `.name`, or `["odd name"]`. */

/** Returns the path of the member `name` of the value at `path`. */
export function memberPath(path: string, name: string): string {
  return /^[\p{ID_Continue}$]+$/u.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}
