/* tutorial.c - the Keras tutorial's program in C: build ResNet-18, look at it, train it on MNIST, evaluate it, predict.
 *
 *     cc tutorial.c $(pkg-config --cflags --libs shortcut) -o tutorial
 *     ./tutorial [DATA [IMAGES [EPOCHS]]]        for example: ./tutorial data/mnist 6400 1
 */
#include <shortcut.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : "mnist";
	struct sc_error error = {0};
	struct sc_data *train = NULL, *test = NULL;
	struct sc_model *model = NULL;
	struct sc_progress_bar *bar = NULL;
	struct sc_fit_result fit;
	struct sc_score score;
	float probability[10];
	int status = EXIT_FAILURE;

	/* (x_train, y_train), (x_test, y_test) = mnist.load_data() */
	if (sc_data_open(&train, folder, &(struct sc_data_options){.part = SC_TRAIN, .take = argc > 2 ? atoll(argv[2]) : 0},
			 &error) ||
	    sc_data_open(&test, folder, &(struct sc_data_options){.part = SC_TEST}, &error))
		goto done;

	/* model = ResNet18(); model.summary() */
	const struct sc_model_options shape = {.height = 28, .width = 28, .channels = 1, .classes = 10};
	if (sc_model_create(&model, "keras-tutorial-18", &shape, &error))
		goto done;
	sc_model_summary(model, stdout, 0);

	/* model.compile(SGD(0.01), ...); model.fit(x_train, y_train, batch_size=128, epochs=3, validation_split=0.2) */
	if (sc_progress_bar_create(&bar, stderr, &error))
		goto done;
	const struct sc_fit_options options = {
		.epochs = argc > 3 ? atoll(argv[3]) : 3,
		.batch = 128,
		.optimizer = {.learning_rate = 0.01f, .momentum_form = SC_MOMENTUM_KERAS},
		.validation_split = 0.2f,
		.progress = sc_progress_bar_show,
		.user = bar,
	};
	if (sc_fit(model, train, &options, &fit, &error))
		goto done;

	/* model.evaluate(x_test, y_test) */
	if (sc_evaluate(model, test, NULL, &score, &error))
		goto done;
	printf("test accuracy %.4f, loss %.4f; trained at %.0f images a second\n", score.accuracy, score.loss,
	       fit.images_per_second);

	/* model.predict(x_test[:1]) */
	const struct sc_image first = {
		.height = 28, .width = 28, .channels = 1, .pixels = (uint8_t *)(uintptr_t)sc_data_image(test, 0)};
	if (sc_predict(model, &first, 1, probability, &error))
		goto done;
	for (int digit = 0; digit < 10; digit++)
		printf("%s: %.4f%s\n", sc_model_class_name(model, digit), (double)probability[digit],
		       digit == sc_data_label(test, 0) ? "   <- the label" : "");
	status = EXIT_SUCCESS;

done:
	if (error.status)
		fprintf(stderr, "%s\n", error.message);
	sc_progress_bar_destroy(bar);
	sc_model_destroy(model);
	sc_data_destroy(train);
	sc_data_destroy(test);
	return status;
}
