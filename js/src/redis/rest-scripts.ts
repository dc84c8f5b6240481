import type { RedisArgument } from './port.js';
import { asText, latin1 } from './rest-bytes.js';

/*
 * Arguments of scripts that are bytes, in JSON, which has only text: each byte is the character of that number, which the
 * server makes UTF-8 of. So what is ASCII stays as it is, and the rest is a pair of bytes that the script makes one of
 * again: one pass of the server's own code over the text. Base64 would have to be decoded by the script, byte by byte.
 */

/** Goes before a script: the last argument says which others are bytes. */
const DECODE = `
do
  local places, bytes = table.remove(ARGV), nil
  for place in string.gmatch(places, '%d+') do
    if not bytes then
      bytes = {}
      for i = 128, 191 do
        bytes['\\194' .. string.char(i)] = string.char(i)
        bytes['\\195' .. string.char(i)] = string.char(i + 64)
      end
    end
    place = tonumber(place)
    ARGV[place] = string.gsub(ARGV[place], '[\\194\\195][\\128-\\191]', bytes)
  end
end
`;

/** A script that takes arguments as {@link bytesAsText} makes them. */
export function withBytes(script: string): string {
  return `${DECODE.trim()}\n${script}`;
}

/** `EVAL` or `EVALSHA` of a script that is called {@link withBytes}. */
export function bytesAsText([name, script, keys, ...args]: readonly RedisArgument[]): string[] {
  const first = Number(keys);
  const places = args.flatMap((arg, i) => (typeof arg === 'string' ? [] : [i + 1 - first]));
  const texts = args.map((arg) => (typeof arg === 'string' ? arg : latin1(arg)));
  const body = asText(script as RedisArgument);
  return [name as string, name === 'EVAL' ? withBytes(body) : body, String(keys), ...texts, places.join()];
}
