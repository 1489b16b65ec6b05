# Training of the bundled models. Every run resumes from its checkpoint: stop it at any moment, give the command again.
# `make training-setup` once; RUNS is where checkpoints and logs go, HOURS how long the learning-rate schedule lasts.

PYTHON ?= python
RUNS ?= runs
HOURS ?= 3
TRAIN = cd training && $(PYTHON) -m
RUNS_DIR = $(abspath $(RUNS))

.PHONY: training-setup train-detection train-detection-weights evaluate train-recognition train-crop-orientation train-page-orientation

training-setup: ## install fonts (Debian, needs root) and Python packages for training
	apt-get install -y --no-install-recommends $$(grep -v '^#' training/fonts.txt)
	$(PYTHON) -m pip install -r training/requirements.txt

train-detection: ## train db_mobilenet_v3_large on rendered pages
	$(TRAIN) train_detection --out $(RUNS_DIR)/detection --hours $(HOURS)

train-detection-weights: ## calibrate the detector and write its weights into the package
	$(TRAIN) calibrate --checkpoint $(RUNS_DIR)/detection/last.pt --out ../server/doctr_serve/weights

train-recognition: ## train crnn_mobilenet_v3_small on rendered words
	$(TRAIN) train_recognition --out $(RUNS_DIR)/recognition --hours $(HOURS)

train-crop-orientation: ## train the classifier of turned words
	$(TRAIN) train_orientation crop --out $(RUNS_DIR)/crop-orientation

train-page-orientation: ## train the classifier of turned pages
	$(TRAIN) train_orientation page --out $(RUNS_DIR)/page-orientation

EVALUATE_ARGS ?=
evaluate: $(VENV)/installed-dev ## word F1 of the running service on real scans, beside Tesseract's (EVALUATE_ARGS="--limit 10" …)
	$(BIN)/python -m benchmarks.evaluation $(EVALUATE_ARGS)
