export type { Cancellable, HttpHeaders, HttpReceiver, HttpRequest, Transport } from "./transport.js";
