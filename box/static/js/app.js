// Every page loads this once; navigation then swaps the main region and leaves it running.

import Alpine from "../vendor/alpine.js";

import { audience } from "./audience.js";
import "./bell.js";
import "./drafts.js";
import "./feed.js";
import "./news.js";
import { listen } from "./push.js";
import "./shell.js";
import "./upload.js";

Alpine.data("audience", audience);
Alpine.start();
listen();
