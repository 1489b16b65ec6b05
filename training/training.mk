# Training of the bundled models. Every run resumes from its checkpoint: stop it at any moment, give the command again.
# `make training-setup` once; RUNS is where checkpoints and logs go, HOURS how long the learning-rate schedule lasts.

PYTHON ?= python
RUNS ?= runs
HOURS ?= 3
TRAIN = cd training && $(PYTHON) -m
RUNS_DIR = $(abspath $(RUNS))

.PHONY: training-setup train-recognition train-crop-orientation train-page-orientation

training-setup: ## install fonts (Debian, needs root) and Python packages for training
	apt-get install -y --no-install-recommends $$(grep -v '^#' training/fonts.txt)
	$(PYTHON) -m pip install -r training/requirements.txt

train-recognition: ## train crnn_mobilenet_v3_small on rendered words
	$(TRAIN) train_recognition --out $(RUNS_DIR)/recognition --hours $(HOURS)

train-crop-orientation: ## train the classifier of turned words
	$(TRAIN) train_orientation crop --out $(RUNS_DIR)/crop-orientation

train-page-orientation: ## train the classifier of turned pages
	$(TRAIN) train_orientation page --out $(RUNS_DIR)/page-orientation
