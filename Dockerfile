# Any component as a container: `docker run … throughline algorithm`. Node 24 runs the TypeScript as it is, so nothing is built.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY docker/image-package.ts docker/
RUN node docker/image-package.ts && npm install --omit=dev

FROM ${NODE_IMAGE}
WORKDIR /app
# What changes least comes first.
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY docker docker
COPY src src
COPY trading trading
COPY producers producers
COPY consumers consumers
# Inside a container only its own network is heard; what is published beyond it is for whoever runs it to say.
# In the checkout `throughline` is the TypeScript in src.
ENV NODE_ENV=production NODE_OPTIONS=--conditions=throughline-source HOST=0.0.0.0 PORT=8080 HEALTH_HOST=0.0.0.0 HEALTH_PORT=8081
EXPOSE 8080 8081
# A new volume takes over whose directory it is: the venue's journal is written by the same user as all else.
RUN mkdir /venue && chown node:node /venue
USER node
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["node", "docker/healthy.ts"]
# The component is this very process: no shell and no npm stands between it and SIGTERM.
ENTRYPOINT ["node", "--single-threaded-gc", "--max-semi-space-size=16", "docker/run.ts"]
CMD ["--help"]
