# One image for each service: docker build --build-arg APP=serving -t rhei/serving:dev .
# "npm run images" builds all of them. Everything before the stage `modules` is made once for all services.
ARG NODE_IMAGE=node:24-bookworm-slim

# What decides which packages are installed, apart from the sources: these change less often.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /rhei
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json ! -name .npmrc -delete && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS deps
WORKDIR /rhei
COPY --from=manifests /rhei ./
# Optional packages are binaries of platforms and a Node of its own; compiling needs none of them.
RUN npm ci --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error

FROM deps AS build
COPY tsconfig.base.json ./
COPY libs libs
COPY apps apps
RUN node_modules/.bin/tsc -b apps/ingestion apps/feature apps/training apps/registry apps/serving apps/monitoring apps/cli \
 && mkdir /built && cp -r --parents apps/*/dist libs/*/dist /built \
 && find /built -type f ! -name '*.js' ! -name '*.json' -delete

# The packages of this service and of the libraries that it uses, and no others.
FROM deps AS modules
ARG APP
WORKDIR /app
COPY --from=manifests /rhei ./
# A service runs on one platform, and nobody compiles against what is in an image.
RUN npm ci --workspace=apps/${APP} --omit=dev --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error \
 && find node_modules -path '*/onnxruntime-node/bin/napi-v*/*' -type f ! -path "*/linux/$(node -p process.arch)/*" -delete \
 && find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.cts' -o -name '*.mts' -o -iname 'readme*' -o -iname 'changelog*' \) -delete \
 && rm -rf node_modules/typeorm/browser node_modules/rxjs/src node_modules/@opentelemetry/*/build/esm node_modules/@opentelemetry/*/build/esnext \
 && find node_modules -type d -empty -delete

FROM modules AS assembled
ARG APP
COPY --from=build /built /built
RUN for link in node_modules/@rhei/*; do part=$(realpath --relative-to=. "$link"); mv "/built/$part/dist" "$part/dist"; done \
 && for part in apps/* libs/*; do [ -d "$part/dist" ] || rm -rf "$part"; done \
 && ln -s "apps/${APP}" service && rm -f .npmrc package-lock.json

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR /app
COPY --from=assembled /app /app
ARG APP
ARG VERSION=0.1.0-dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rhei/${APP}" \
      org.opencontainers.image.description="The ${APP} part of Rhei, a platform for continuous machine learning" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER node
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# Ready, not live: whoever waits for this container wants to call it. Nothing restarts a container for being unready.
# The shell asks, since a Node process every few seconds would cost more than an idle service.
HEALTHCHECK --interval=5s --timeout=6s --start-period=120s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${HTTP_PORT:-8080} && printf 'GET /health/ready HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
CMD ["node", "service/dist/main.js"]
