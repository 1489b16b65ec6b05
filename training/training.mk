# Training of the bundled models: one command each, from an empty machine on. Every run resumes from its checkpoint:
# stop it at any moment, give the command again. RUNS is where checkpoints and logs go, HOURS how long the
# learning-rate schedule lasts, TRAIN_ARGS what else goes to the program, EXPORT_ARGS what else to the recogniser's export.

RUNS ?= runs
HOURS ?= 3
TRAIN_ARGS ?=
EXPORT_ARGS ?=
RUNS_DIR = $(abspath $(RUNS))
SHIPPED := ../server/doctr_serve/weights
# An allocator that keeps what it has for a while, and one OpenMP thread a run: that many runs share a processor best.
# It must not keep all for good: pages of ever new sizes leave ever more holes (20 GB after half an hour).
JEMALLOC = $(firstword $(wildcard /usr/lib/*/libjemalloc.so.2))
JEMALLOC_ENV = LD_PRELOAD=$(JEMALLOC) MALLOC_CONF=oversize_threshold:0,dirty_decay_ms:20000,muzzy_decay_ms:20000
TRAIN = cd training && env $(if $(JEMALLOC),$(JEMALLOC_ENV)) OMP_NUM_THREADS=1 $(abspath $(BIN))/python -m

.PHONY: training-setup train-detection train-detection-weights evaluate train-recognition train-recognition-weights \
  train-page-orientation train-page-orientation-weights train-crop-orientation train-crop-orientation-weights

# Fonts and the compiler for the kernels are Debian packages, which take root; elsewhere they must be there already.
$(VENV)/installed-training: training/requirements.txt training/packages.txt | $(VENV)/installed-server
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && wanted="" && \
	  for package in $$(grep -v '^#' training/packages.txt); do \
	    if apt-cache show "$$package" >/dev/null 2>&1; then wanted="$$wanted $$package"; \
	    else echo "training: no package $$package here, left out" >&2; fi; done && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$wanted >/dev/null; \
	else echo "training: not root on Debian, so the fonts of training/packages.txt must be there already" >&2; fi
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r training/requirements.txt
	@touch $@

training-setup: $(VENV)/installed-training ## install fonts (Debian packages, as root) and Python packages for training

train-detection: $(VENV)/installed-training ## train db_mobilenet_v3_large on rendered pages
	$(TRAIN) train_detection --out $(RUNS_DIR)/detection --hours $(HOURS) $(TRAIN_ARGS)

train-detection-weights: $(VENV)/installed-training ## calibrate the detector and write its weights into the package
	$(TRAIN) calibrate --checkpoint $(RUNS_DIR)/detection/checkpoint.pt --out $(SHIPPED)

quantise-detection: $(VENV)/installed-training ## write the detector in 8-bit integers (REAL_DIR=… real scans to calibrate on)
	$(TRAIN) quantise_detector --calibration-dir $(abspath $(REAL_DIR)) --output $(SHIPPED)/db_mobilenet_v3_large.int8.xml

train-recognition: $(VENV)/installed-training ## train crnn_mobilenet_v3_small on rendered words
	$(TRAIN) train_recognition --out $(RUNS_DIR)/recognition --hours $(HOURS) $(TRAIN_ARGS)

train-recognition-weights: $(VENV)/installed-training ## write the recogniser's weights into the package
	$(TRAIN) export recognition $(RUNS_DIR)/recognition/checkpoint.pt --to $(SHIPPED) $(EXPORT_ARGS)

# The convolutions of the recogniser know letters; those of the page classifier know up from down, too.
train-page-orientation: $(VENV)/installed-training ## train the classifier of turned pages, from the recogniser's weights
	$(TRAIN) train_orientation page --out $(RUNS_DIR)/page-orientation --hours $(HOURS) \
	  --init-from $(SHIPPED)/crnn_mobilenet_v3_small.safetensors $(TRAIN_ARGS)

train-page-orientation-weights: $(VENV)/installed-training ## write the page classifier's weights into the package
	$(TRAIN) export page-orientation $(RUNS_DIR)/page-orientation/checkpoint.pt --calibrate 0 --to $(SHIPPED)

train-crop-orientation: $(VENV)/installed-training ## train the classifier of turned words, from the page classifier's
	$(TRAIN) train_orientation crop --out $(RUNS_DIR)/crop-orientation --hours $(HOURS) \
	  --init-from $(SHIPPED)/mobilenet_v3_small_page_orientation.safetensors $(TRAIN_ARGS)

train-crop-orientation-weights: $(VENV)/installed-training ## write the word classifier's weights into the package
	$(TRAIN) export crop-orientation $(RUNS_DIR)/crop-orientation/checkpoint.pt --calibrate 0 --to $(SHIPPED)

EVALUATE_ARGS ?=
evaluate: $(VENV)/installed-dev ## word F1 of the running service on real scans, beside Tesseract's (EVALUATE_ARGS="--limit 10" …)
	$(BIN)/python -m benchmarks.evaluation $(EVALUATE_ARGS)
