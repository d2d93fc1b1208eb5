# va_experiments with the versions that requirements.lock names. Build: docker build --tag va_experiments .
# Data are mounted at run time, never copied in: .dockerignore lets only the package's own files through.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY va_experiments va_experiments
COPY conf conf
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -c requirements.lock ".[tuning,boosting,word,team]"

FROM python:3.12-slim
# /state: what a server keeps; a new volume takes its owner from it
# libgomp: OpenMP for scikit-learn, XGBoost and LightGBM; procps: Ray looks at processes
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 procps \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --create-home va \
 && install --directory --owner=va /home/va/outputs /state
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1
USER va
WORKDIR /home/va
VOLUME /home/va/outputs
ENTRYPOINT ["python", "-m", "va_experiments"]
CMD ["--help"]
